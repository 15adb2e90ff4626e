//! One simulated machine: what it is at a moment, and what the next moment makes of it.
//!
//! A state machine without clock, network or randomness: time comes with each call, spans follow
//! from the seed. It knows its neighbours only as far as [`Surroundings`] tells.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use talos_api::resources::Stage;

use crate::model::NodeName;
use crate::rehearse::etcd::{ClusterIndex, Etcd};
use crate::spec::cluster::Role;

use super::config::MachineConfig;
use super::disk::{self, Choice};
use super::durations::{self as span, Span, mix};
use super::spec::{DiskSpec, MachineSpec};
use super::surroundings::Surroundings;

/// A disk that lost what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wipe {
    /// The machine.
    pub node: NodeName,
    /// The disk's serial number.
    pub disk: String,
    /// When.
    pub at: Timestamp,
    /// What was on it, in words.
    pub held: Vec<String>,
}

/// What a connection attempt to a machine's API meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing: the attempt takes until its deadline.
    Silent,
    /// The machine is there, nobody listens.
    Refused,
    /// The API.
    Listening,
}

/// Where the machine is between power-on and service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Off,
    Firmware,
    Kernel,
    Maintenance,
    /// A first configuration was accepted; the maintenance API is about to go.
    Leaving,
    Installing,
    Up,
    ShuttingDown,
}

/// What is reached once in each boot, in no fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Milestone {
    Containerd,
    Apid,
    Trustd,
    TimeSync,
    Cri,
    /// The first file in etcd's data directory after a bootstrap.
    EtcdData,
    Etcd,
    Kubelet,
    ApiServer,
}

/// What is written on the system disk.
#[derive(Clone)]
pub(super) struct Installed {
    pub(super) disk: String,
    pub(super) config: MachineConfig,
    /// Whose data etcd's directory holds.
    pub(super) etcd: Option<ClusterIndex>,
}

/// A simulated machine.
pub struct Machine {
    pub(super) spec: MachineSpec,
    seed: u64,
    pub(super) boots: u32,
    phase: Phase,
    phase_ends: Option<Timestamp>,
    /// Grows whenever open connections break.
    session: u64,
    disks: Vec<DiskSpec>,
    installed: Option<Installed>,
    /// The configuration that this boot works with.
    config: Option<MachineConfig>,
    reached: BTreeMap<Milestone, Timestamp>,
    timers: BTreeMap<Milestone, Timestamp>,
    node_ready: bool,
    never_returns: bool,
}

impl Machine {
    /// Starts a machine from Talos' boot media, with nothing installed.
    pub(super) fn new(spec: MachineSpec, seed: u64) -> Self {
        Self {
            disks: spec.disks.clone(),
            spec,
            seed,
            boots: 1,
            phase: Phase::Maintenance,
            phase_ends: None,
            session: 1,
            installed: None,
            config: None,
            reached: BTreeMap::new(),
            timers: BTreeMap::new(),
            node_ready: false,
            never_returns: false,
        }
    }

    /// Returns what it is made of.
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// Returns its disks with what they hold now.
    pub fn disks(&self) -> &[DiskSpec] {
        &self.disks
    }

    /// Returns the configuration that it works with; `None` in maintenance.
    pub fn config(&self) -> Option<&MachineConfig> {
        self.config.as_ref()
    }

    /// Returns its host name as it knows it.
    pub fn hostname(&self) -> String {
        let configured = self.config.as_ref().and_then(MachineConfig::hostname);
        configured.map_or_else(|| self.made_up_hostname(), str::to_owned)
    }

    /// Returns where it is between power-on and service; `None` when it is off or starts.
    pub fn stage(&self) -> Option<Stage> {
        match self.phase {
            Phase::Off | Phase::Firmware | Phase::Kernel => None,
            Phase::Maintenance | Phase::Leaving => Some(Stage::Maintenance),
            Phase::Installing => Some(Stage::Installing),
            Phase::ShuttingDown => Some(Stage::Rebooting),
            Phase::Up if self.is_booted() => Some(Stage::Running),
            Phase::Up => Some(Stage::Booting),
        }
    }

    /// Returns what a connection attempt to its API meets.
    pub fn reach(&self) -> Reach {
        match self.phase {
            Phase::Off | Phase::Firmware => Reach::Silent,
            Phase::Maintenance | Phase::Leaving => Reach::Listening,
            Phase::Up | Phase::ShuttingDown if self.has(Milestone::Apid) => Reach::Listening,
            _ => Reach::Refused,
        }
    }

    /// Tells whether its kubelet runs.
    pub fn is_kubelet_up(&self) -> bool {
        self.phase == Phase::Up && self.has(Milestone::Kubelet)
    }

    /// Tells whether its API server answers; it needs an etcd that agrees.
    pub fn is_api_server_up(&self, etcd: &Etcd) -> bool {
        let agrees = self
            .etcd_index()
            .is_some_and(|index| etcd.cluster(index).has_quorum());
        self.phase == Phase::Up && self.has(Milestone::ApiServer) && agrees
    }

    /// Tells whether it is a control plane; `None` without configuration.
    pub fn role(&self) -> Option<Role> {
        self.config.as_ref().map(MachineConfig::role)
    }

    /// Grows whenever open connections to the machine break.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Tells whether the machine waits for its first configuration.
    pub fn is_in_maintenance(&self) -> bool {
        matches!(self.phase, Phase::Maintenance | Phase::Leaving)
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn has(&self, milestone: Milestone) -> bool {
        self.reached.contains_key(&milestone)
    }

    pub(super) fn expects(&self, milestone: Milestone) -> bool {
        self.timers.contains_key(&milestone)
    }

    pub(super) fn is_node_ready(&self) -> bool {
        self.node_ready
    }

    pub(super) fn installed(&self) -> Option<&Installed> {
        self.installed.as_ref()
    }

    pub(super) fn etcd_index(&self) -> Option<ClusterIndex> {
        self.installed.as_ref()?.etcd
    }

    fn is_control_plane(&self) -> bool {
        self.role() == Some(Role::ControlPlane)
    }

    /// The boot sequence waits for every service, but for neither node nor network.
    fn is_booted(&self) -> bool {
        let needed: &[Milestone] = if self.is_control_plane() {
            &[
                Milestone::Apid,
                Milestone::Kubelet,
                Milestone::Trustd,
                Milestone::Etcd,
            ]
        } else {
            &[Milestone::Apid, Milestone::Kubelet]
        };
        needed.iter().all(|milestone| self.has(*milestone))
    }

    fn made_up_hostname(&self) -> String {
        let number = mix(6, &self.spec.uuid);
        let letter = |shift: u32| char::from(b'a' + ((number >> shift) % 26).to_le_bytes()[0]);
        let word = |from: u32| (0..3).map(|i| letter(from + i * 5)).collect::<String>();
        format!("talos-{}-{}", word(0), word(20))
    }
}

/// What happens to the machine from outside.
impl Machine {
    pub(super) fn set_node_ready(&mut self, ready: bool) -> bool {
        let changed = self.node_ready != ready;
        self.node_ready = ready;
        changed
    }

    /// The next restart will be its last.
    pub(super) fn never_return(&mut self) {
        self.never_returns = true;
    }

    /// Cuts the power.
    pub(super) fn power_off(&mut self, etcd: &mut Etcd) {
        self.stop_etcd(etcd);
        self.enter(Phase::Off, None);
    }

    /// Gives power to a machine that is off.
    pub(super) fn power_on(&mut self, now: Timestamp) {
        if self.phase == Phase::Off {
            self.never_returns = false;
            self.restart(now);
        }
    }

    /// Takes everything from its disks, as if the drives had been replaced, and restarts it.
    pub(super) fn erase(&mut self, now: Timestamp, etcd: &mut Etcd) {
        self.stop_etcd(etcd);
        self.installed = None;
        for disk in &mut self.disks {
            disk.holds.clear();
        }
        self.restart(now);
    }

    /// Installs a configuration at once and boots from it, as if that had happened long ago.
    pub(super) fn preinstall(&mut self, config: MachineConfig, now: Timestamp) {
        if let Choice::Disk(id) = disk::choose(&config, &self.disks) {
            self.write_disk(id, config);
            self.boot(now);
        }
    }

    /// Takes a first configuration.
    pub(super) fn leave_maintenance(&mut self, config: MachineConfig, now: Timestamp) {
        self.config = Some(config);
        self.enter_for(Phase::Leaving, span::LEAVE_MAINTENANCE, now);
    }

    /// Replaces the configuration of a configured machine.
    pub(super) fn reconfigure(&mut self, config: MachineConfig) {
        if let Some(installed) = &mut self.installed {
            installed.config = config.clone();
        }
        self.config = Some(config);
    }

    /// Keeps a configuration for the next boot.
    pub(super) fn stage_config(&mut self, config: MachineConfig) {
        if let Some(installed) = &mut self.installed {
            installed.config = config;
        }
    }

    /// Begins a restart; nothing happens when one is under way.
    pub(super) fn reboot(&mut self, now: Timestamp, etcd: &mut Etcd) {
        if self.phase == Phase::Up {
            self.stop_etcd(etcd);
            self.enter_for(Phase::ShuttingDown, span::SHUT_DOWN, now);
        }
    }

    /// Begins a new etcd cluster; again, when one has begun that wrote nothing yet.
    pub(super) fn start_etcd(&mut self, now: Timestamp) {
        let due = self.after(span::ETCD_DATA, "EtcdData", now);
        self.timers.insert(Milestone::EtcdData, due);
    }
}

/// What time makes of the machine.
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

    fn first_due(&self, at: Timestamp) -> Option<Milestone> {
        let due = self.timers.iter().filter(|(_, due)| **due <= at);
        due.min_by_key(|(milestone, due)| (**due, **milestone))
            .map(|(milestone, _)| *milestone)
    }

    fn leave_phase(&mut self, at: Timestamp, wipes: &mut Vec<Wipe>) {
        match self.phase {
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

    fn write_disk(&mut self, id: String, config: MachineConfig) {
        if let Some(disk) = self.disks.iter_mut().find(|disk| disk.id == id) {
            disk::install(disk);
        }
        self.installed = Some(Installed {
            disk: id,
            config,
            etcd: None,
        });
    }

    fn restart(&mut self, at: Timestamp) {
        if self.never_returns {
            self.enter(Phase::Off, None);
        } else {
            self.enter_for(Phase::Firmware, span::FIRMWARE, at);
        }
        self.config = None;
    }

    fn boot(&mut self, at: Timestamp) {
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
                if self.is_learner(etcd) && !etcd.cluster(index).has_quorum() {
                    return self.schedule(Milestone::Etcd, span::ETCD_PROMOTION, at);
                }
                etcd.set_running(index, &self.spec.name, true);
                etcd.promote(index, &self.spec.name);
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
            self.begin_once(Milestone::TimeSync, span::TIME_SYNC, at);
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
        } else if self
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
        let agrees = etcd.cluster(index).has_quorum();
        if agrees && self.has(Milestone::Etcd) && self.has(Milestone::Kubelet) {
            self.begin_once(Milestone::ApiServer, span::API_SERVER, at);
        }
    }

    /// Becomes a member of the cluster that already exists, if there is one and it is free.
    fn join(&mut self, surroundings: &Surroundings, etcd: &mut Etcd) -> Option<ClusterIndex> {
        if self.expects(Milestone::EtcdData) {
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
            let own = members
                .iter()
                .rev()
                .find(|member| member.node == self.spec.name);
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

    fn stop_etcd(&mut self, etcd: &mut Etcd) {
        if let Some(index) = self.etcd_index() {
            etcd.set_running(index, &self.spec.name, false);
        }
    }

    fn begin_once(&mut self, milestone: Milestone, span: Span, at: Timestamp) {
        if !self.has(milestone) && !self.expects(milestone) {
            self.schedule(milestone, span, at);
        }
    }

    fn schedule(&mut self, milestone: Milestone, span: Span, at: Timestamp) {
        let due = self.after(span, &format!("{milestone:?}"), at);
        self.timers.insert(milestone, due);
    }

    fn enter_for(&mut self, phase: Phase, span: Span, at: Timestamp) {
        let ends = self.after(span, &format!("{phase:?}"), at);
        self.enter(phase, Some(ends));
    }

    fn enter(&mut self, phase: Phase, ends: Option<Timestamp>) {
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

    fn after(&self, span: Span, what: &str, at: Timestamp) -> Timestamp {
        let about = format!("{}/{}/{what}", self.spec.name, self.boots);
        at.checked_add(span.of(self.seed, &about))
            .unwrap_or(Timestamp::MAX)
    }

    /// Returns the machine's address.
    pub fn address(&self) -> IpAddr {
        self.spec.address
    }
}

fn describe(holding: &super::spec::Holding) -> String {
    format!("{} `{}`", holding.kind, holding.label)
}
