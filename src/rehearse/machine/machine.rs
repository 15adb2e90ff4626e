//! One simulated machine: what it is at a moment, and what others do to it.
//!
//! A state machine without clock, network or randomness: time comes with each call, spans follow
//! from the seed. What time makes of it is in `progress`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use talos_api::resources::Stage;

use crate::model::NodeName;
use crate::rehearse::etcd::{Cause, ClusterIndex, Etcd};
use crate::rehearse::span::mix;
use crate::spec::cluster::Role;

use super::ailments::Ailments;
use super::config::MachineConfig;
use super::disk::{self, Choice};
use super::durations as span;
use super::spec::{DiskSpec, MachineSpec};

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
    /// etcd answers.
    Etcd,
    /// Talos has looked whether it is healthy.
    EtcdHealth,
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
    pub(super) seed: u64,
    pub(super) boots: u32,
    pub(super) phase: Phase,
    pub(super) phase_ends: Option<Timestamp>,
    /// Grows whenever open connections break.
    pub(super) session: u64,
    pub(super) disks: Vec<DiskSpec>,
    pub(super) installed: Option<Installed>,
    /// The configuration that this boot works with.
    pub(super) config: Option<MachineConfig>,
    pub(super) reached: BTreeMap<Milestone, Timestamp>,
    pub(super) timers: BTreeMap<Milestone, Timestamp>,
    pub(super) node_ready: bool,
    pub(super) ails: Ailments,
    breaks: u64,
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
            ails: Ailments::default(),
            breaks: 0,
        }
    }

    /// Returns what it is made of.
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// Returns the machine's address.
    pub fn address(&self) -> IpAddr {
        self.spec.address
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
            _ if self.ails.cut_off => Reach::Silent,
            Phase::Off | Phase::Firmware => Reach::Silent,
            Phase::Maintenance | Phase::Leaving => Reach::Listening,
            Phase::Up | Phase::ShuttingDown if self.has(Milestone::Apid) => Reach::Listening,
            _ => Reach::Refused,
        }
    }

    /// Tells whether its kubelet runs.
    pub fn is_kubelet_up(&self) -> bool {
        self.phase == Phase::Up && self.has(Milestone::Kubelet) && !self.ails.cut_off
    }

    /// Tells whether its API server answers; it needs an etcd that agrees.
    pub fn is_api_server_up(&self, etcd: &Etcd) -> bool {
        let agrees = self
            .etcd_index()
            .is_some_and(|index| etcd.cluster(index).has_quorum());
        let is_there = self.phase == Phase::Up && !self.ails.cut_off;
        is_there && self.has(Milestone::ApiServer) && agrees
    }

    /// Tells whether it is a control plane; `None` without configuration.
    pub fn role(&self) -> Option<Role> {
        self.config.as_ref().map(MachineConfig::role)
    }

    /// Grows whenever open connections to the machine break.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Grows whenever open connections break, whether the machine notices or not.
    pub fn connections(&self) -> (u64, u64) {
        (self.session, self.breaks)
    }

    /// Tells whether the machine waits for its first configuration.
    pub fn is_in_maintenance(&self) -> bool {
        matches!(self.phase, Phase::Maintenance | Phase::Leaving)
    }

    /// Tells whether it shows its new name in a certificate that is nobody's yet, as some machines do
    /// for a moment when they take their configuration.
    pub(super) fn is_renamed(&self) -> bool {
        let about = format!("{}/{}/renamed", self.spec.name, self.boots);
        self.phase == Phase::Leaving && mix(self.seed, &about).is_multiple_of(2)
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

    pub(super) fn is_control_plane(&self) -> bool {
        self.role() == Some(Role::ControlPlane)
    }

    /// The boot sequence waits for every service, but for neither node nor network.
    fn is_booted(&self) -> bool {
        let needed: &[Milestone] = if self.is_control_plane() {
            &[
                Milestone::Apid,
                Milestone::Kubelet,
                Milestone::Trustd,
                Milestone::EtcdHealth,
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

    /// Changes what is wrong with the machine. What the others cannot reach counts as stopped.
    pub(super) fn afflict(&mut self, etcd: &mut Etcd, change: impl FnOnce(&mut Ailments)) {
        let was_cut_off = self.ails.cut_off;
        change(&mut self.ails);
        if self.ails.cut_off && !was_cut_off {
            self.stop_etcd(etcd, Cause::World);
            self.break_connections();
        } else if was_cut_off && !self.ails.cut_off && self.has(Milestone::Etcd) {
            self.resume_etcd(etcd);
        }
    }

    pub(super) fn break_connections(&mut self) {
        self.breaks += 1;
    }

    /// Cuts the power.
    pub(super) fn power_off(&mut self, etcd: &mut Etcd) {
        self.stop_etcd(etcd, Cause::World);
        self.enter(Phase::Off, None);
    }

    /// Gives power to a machine that is off.
    pub(super) fn power_on(&mut self, now: Timestamp) {
        if self.phase == Phase::Off {
            self.ails.never_returns = false;
            self.restart(now);
        }
    }

    /// Takes everything from its disks, as if the drives had been replaced, and restarts it.
    pub(super) fn erase(&mut self, now: Timestamp, etcd: &mut Etcd) {
        self.stop_etcd(etcd, Cause::World);
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
            self.stop_etcd(etcd, Cause::Request);
            self.enter_for(Phase::ShuttingDown, span::SHUT_DOWN, now);
        }
    }

    /// Begins a new etcd cluster; again, when one has begun that wrote nothing yet.
    pub(super) fn start_etcd(&mut self, now: Timestamp) {
        let due = self.after(span::ETCD_DATA, "EtcdData", now);
        self.timers.insert(Milestone::EtcdData, due);
    }
}
