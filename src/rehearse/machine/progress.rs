//! What time makes of a machine: phases end, services come up, etcd is joined.
//!
//! Each milestone of a boot begins once, as soon as its conditions hold, and is reached after its
//! span. What a machine needs of others it learns from [`Surroundings`].

use jiff::Timestamp;

use crate::rehearse::etcd::{Cause, ClusterIndex, Etcd};
use crate::rehearse::span::Span;

use super::config::MachineConfig;
use super::disk::{self, Choice};
use super::durations as span;
use super::machine::{Installed, Machine, Milestone, Phase, Reach, Wipe};
use super::spec::Holding;
use super::surroundings::Surroundings;

impl Machine {
    /// Returns when the machine next changes by itself.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let timers = self.timers.values().copied();
        timers.chain(self.phase_ends).min()
    }

    /// Does what is due, and begins what has become possible; tells whether anything changed.
    pub(super) fn progress(
        &mut self,
        at: Timestamp,
        surroundings: &Surroundings,
        etcd: &mut Etcd,
        wipes: &mut Vec<Wipe>,
    ) -> bool {
        let mut changed = false;
        if self.phase_ends.is_some_and(|ends| ends <= at) {
            self.leave_phase(at, wipes);
            changed = true;
        }
        while let Some(milestone) = self.first_due(at) {
            self.timers.remove(&milestone);
            self.reach_milestone(milestone, at, etcd);
            changed = true;
        }
        changed | self.begin(at, surroundings, etcd)
    }

    /// Tells whether another machine may be what lets this one go on.
    pub(super) fn is_waiting_for_others(&self) -> bool {
        let waits_for = |milestone| !self.has(milestone) && !self.expects(milestone);
        if self.phase != Phase::Up {
            return false;
        }
        if self.is_control_plane() {
            waits_for(Milestone::Etcd) || waits_for(Milestone::ApiServer)
        } else {
            waits_for(Milestone::Apid)
        }
    }

    fn first_due(&self, at: Timestamp) -> Option<Milestone> {
        let due = self.timers.iter().filter(|(_, due)| **due <= at);
        due.min_by_key(|(milestone, due)| (**due, **milestone))
            .map(|(milestone, _)| *milestone)
    }

    fn leave_phase(&mut self, at: Timestamp, wipes: &mut Vec<Wipe>) {
        match self.phase {
            // Nothing is written before the installer is there.
            Phase::Leaving if self.ails.image_missing => {
                self.config = None;
                self.enter_for(Phase::Installing, span::PULL_FAILS, at);
            }
            Phase::Leaving => self.begin_installation(at, wipes),
            Phase::Installing => {
                if let Some(config) = self.config.take()
                    && let Choice::Disk(id) = disk::choose(&config, &self.disks)
                {
                    self.write_disk(id, config);
                }
                self.restart(at);
            }
            Phase::ShuttingDown => self.restart(at),
            Phase::Firmware => self.enter_for(Phase::Kernel, span::KERNEL, at),
            Phase::Kernel => self.boot(at),
            Phase::Off | Phase::Maintenance | Phase::Up => self.phase_ends = None,
        }
    }

    /// The installer clears the disk first, whatever `wipe` says.
    fn begin_installation(&mut self, at: Timestamp, wipes: &mut Vec<Wipe>) {
        let choice = self
            .config
            .as_ref()
            .map(|config| disk::choose(config, &self.disks));
        let Some(Choice::Disk(id)) = choice else {
            self.config = None;
            return self.restart(at);
        };
        if let Some(disk) = self.disks.iter_mut().find(|disk| disk.id == id) {
            wipes.push(Wipe {
                node: self.spec.name.clone(),
                disk: disk.serial.clone(),
                at,
                held: disk.holds.iter().map(describe).collect(),
            });
            disk.holds.clear();
        }
        self.enter_for(Phase::Installing, span::INSTALL, at);
    }

    pub(super) fn write_disk(&mut self, id: String, config: MachineConfig) {
        if let Some(disk) = self.disks.iter_mut().find(|disk| disk.id == id) {
            disk::install(disk);
        }
        self.installed = Some(Installed {
            disk: id,
            config,
            etcd: None,
        });
    }

    pub(super) fn restart(&mut self, at: Timestamp) {
        if self.ails.never_returns {
            self.enter(Phase::Off, None);
        } else {
            self.enter_for(Phase::Firmware, span::FIRMWARE, at);
        }
        self.config = None;
    }

    pub(super) fn boot(&mut self, at: Timestamp) {
        self.boots += 1;
        self.config = self
            .installed
            .as_ref()
            .map(|installed| installed.config.clone());
        if self.config.is_none() {
            return self.enter(Phase::Maintenance, None);
        }
        self.enter(Phase::Up, None);
        self.schedule(Milestone::Containerd, span::CONTAINERD, at);
    }

    fn reach_milestone(&mut self, milestone: Milestone, at: Timestamp, etcd: &mut Etcd) {
        match milestone {
            Milestone::EtcdData => {
                let index = etcd.bootstrap(
                    self.etcd_authority(),
                    &self.spec.name,
                    self.spec.address,
                    at,
                );
                self.remember_etcd(index);
            }
            Milestone::Etcd => {
                let Some(index) = self.etcd_index() else {
                    return;
                };
                let is_alone = self.ails.cut_off || !etcd.cluster(index).has_quorum();
                if self.is_learner(etcd) && is_alone {
                    return self.schedule(Milestone::Etcd, span::ETCD_PROMOTION, at);
                }
                if !self.ails.cut_off {
                    etcd.start(index, &self.spec.name);
                    etcd.promote(index, &self.spec.name);
                }
            }
            _ => {}
        }
        self.reached.insert(milestone, at);
    }

    /// Begins everything whose conditions hold.
    fn begin(&mut self, at: Timestamp, surroundings: &Surroundings, etcd: &mut Etcd) -> bool {
        if self.phase != Phase::Up {
            return false;
        }
        let timers = self.timers.len();
        if self.has(Milestone::Containerd) {
            self.begin_api(at, surroundings);
            if !self.ails.clock_is_off {
                self.begin_once(Milestone::TimeSync, span::TIME_SYNC, at);
            }
            self.begin_once(Milestone::Cri, span::CRI, at);
        }
        if self.has(Milestone::Cri) && self.has(Milestone::TimeSync) {
            self.begin_once(Milestone::Kubelet, span::KUBELET, at);
            if self.is_control_plane() {
                self.begin_etcd(at, surroundings, etcd);
            }
        }
        self.timers.len() != timers
    }

    fn begin_api(&mut self, at: Timestamp, surroundings: &Surroundings) {
        if self.is_control_plane() {
            self.begin_once(Milestone::Apid, span::APID, at);
            self.begin_once(Milestone::Trustd, span::APID, at);
        } else if !self.ails.cut_off
            && self
                .config
                .as_ref()
                .is_some_and(|config| surroundings.has_trustd(config))
        {
            self.begin_once(Milestone::Apid, span::WORKER_CERTIFICATE, at);
        }
    }

    fn begin_etcd(&mut self, at: Timestamp, surroundings: &Surroundings, etcd: &mut Etcd) {
        let index = match self.etcd_index() {
            Some(index) => index,
            None => match self.join(surroundings, etcd) {
                Some(index) => index,
                None => return,
            },
        };
        let is_new = self.is_learner(etcd);
        let start = if is_new {
            span::ETCD_PROMOTION
        } else {
            span::ETCD_START
        };
        self.begin_once(Milestone::Etcd, start, at);
        if self.has(Milestone::Etcd) {
            self.begin_once(Milestone::EtcdHealth, span::ETCD_HEALTH, at);
        }
        let agrees = etcd.cluster(index).has_quorum();
        if agrees && self.has(Milestone::Etcd) && self.has(Milestone::Kubelet) {
            self.begin_once(Milestone::ApiServer, span::API_SERVER, at);
        }
    }

    /// Becomes a member of the cluster that already exists, if there is one and it is free.
    fn join(&mut self, surroundings: &Surroundings, etcd: &mut Etcd) -> Option<ClusterIndex> {
        if self.expects(Milestone::EtcdData) || self.ails.cut_off {
            return None;
        }
        let config = self.config.as_ref()?;
        let index = etcd.joinable(self.etcd_authority())?;
        if !surroundings.finds_members(config, etcd.cluster(index))
            || !etcd.add_learner(index, &self.spec.name, self.spec.address)
        {
            return None;
        }
        self.remember_etcd(index);
        Some(index)
    }

    pub(super) fn is_learner(&self, etcd: &Etcd) -> bool {
        self.etcd_index().is_some_and(|index| {
            let members = &etcd.cluster(index).members;
            let mut members = members.iter();
            let own = members.find(|member| member.node == self.spec.name);
            own.is_some_and(|member| member.learner)
        })
    }

    fn etcd_authority(&self) -> &str {
        self.config
            .as_ref()
            .map(MachineConfig::etcd_authority)
            .unwrap_or_default()
    }

    fn remember_etcd(&mut self, index: ClusterIndex) {
        if let Some(installed) = &mut self.installed {
            installed.etcd = Some(index);
        }
    }

    pub(super) fn stop_etcd(&mut self, etcd: &mut Etcd, cause: Cause) {
        if let Some(index) = self.etcd_index() {
            etcd.stop(index, &self.spec.name, cause);
        }
    }

    pub(super) fn resume_etcd(&mut self, etcd: &mut Etcd) {
        if let Some(index) = self.etcd_index() {
            etcd.start(index, &self.spec.name);
        }
    }

    fn begin_once(&mut self, milestone: Milestone, span: Span, at: Timestamp) {
        if !self.has(milestone) && !self.expects(milestone) {
            self.schedule(milestone, span, at);
        }
    }

    fn schedule(&mut self, milestone: Milestone, span: Span, at: Timestamp) {
        let mut due = self.after(span, &format!("{milestone:?}"), at);
        if self.ails.slow_disk && matches!(milestone, Milestone::Etcd | Milestone::ApiServer) {
            due = due.checked_add(due.duration_since(at) * 5).unwrap_or(due);
        }
        self.timers.insert(milestone, due);
    }

    pub(super) fn enter_for(&mut self, phase: Phase, span: Span, at: Timestamp) {
        let ends = self.after(span, &format!("{phase:?}"), at);
        self.enter(phase, Some(ends));
    }

    pub(super) fn enter(&mut self, phase: Phase, ends: Option<Timestamp>) {
        let was_listening = self.reach() == Reach::Listening;
        self.phase = phase;
        self.phase_ends = ends;
        self.timers.clear();
        match phase {
            // The services of this boot still run.
            Phase::ShuttingDown => {}
            _ => self.reached.clear(),
        }
        // Until the network goes, connections live on.
        if was_listening && !matches!(phase, Phase::Leaving | Phase::ShuttingDown) {
            self.session += 1;
        }
    }

    pub(super) fn after(&self, span: Span, what: &str, at: Timestamp) -> Timestamp {
        let about = format!("{}/{}/{what}", self.spec.name, self.boots);
        at.checked_add(span.of(self.seed, &about))
            .unwrap_or(Timestamp::MAX)
    }
}

fn describe(holding: &Holding) -> String {
    format!("{} `{}`", holding.kind, holding.label)
}
