//! All machines of a world, their etcd, and the world's own account of what was done to them.
//!
//! Nothing here waits: [`Fleet::advance`] makes everything happen that is due, in order of time,
//! and [`Fleet::due`] tells when to call it next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::NodeName;
use crate::rehearse::etcd::Etcd;
use crate::rehearse::witness::{Violation, Witness};

use super::calls::Caller;
use super::events::EventLog;
use super::history::{History, Passage};
use super::machine::{Machine, Wipe};
use super::spec::MachineSpec;
use super::surroundings::Surroundings;

/// A change that somebody asked a machine for, and that the machine took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// When.
    pub at: Timestamp,
    /// The machine.
    pub node: NodeName,
    /// The method of the Talos API.
    pub method: &'static str,
    /// The subject of the client's certificate, or `maintenance`.
    pub caller: String,
    /// The computer that the call came from, where that is known.
    pub from: Arc<str>,
}

/// All machines of a world.
pub struct Fleet {
    seed: u64,
    now: Timestamp,
    /// In the order of their names.
    machines: Vec<Machine>,
    addresses: BTreeMap<IpAddr, usize>,
    /// Who is configured as a control plane.
    control_planes: BTreeSet<usize>,
    events: Vec<EventLog>,
    etcd: Etcd,
    endpoint_leads: bool,
    vip: Option<(NodeName, IpAddr)>,
    wipes: Vec<Wipe>,
    witness: Witness,
    history: History,
    mutations: Vec<Mutation>,
    revision: u64,
    /// Who changes by itself next, and each machine's own entry in it.
    queue: BTreeSet<(Timestamp, usize)>,
    dues: Vec<Option<Timestamp>>,
    /// What machines can find out about each other, at the last look.
    surroundings: Surroundings,
    /// Whom another machine may let go on.
    waiting: BTreeSet<usize>,
    /// Who was changed from outside.
    pushed: BTreeSet<usize>,
}

impl Fleet {
    /// Puts machines on the shelf: all started from boot media, waiting in maintenance mode.
    pub fn new(specs: Vec<MachineSpec>, seed: u64, now: Timestamp) -> Self {
        let mut machines: Vec<_> = specs
            .into_iter()
            .map(|spec| Machine::new(spec, seed))
            .collect();
        machines.sort_by(|a, b| a.spec().name.cmp(&b.spec().name));
        Self {
            seed,
            now,
            events: machines.iter().map(|_| EventLog::default()).collect(),
            dues: vec![None; machines.len()],
            addresses: (0..)
                .zip(&machines)
                .map(|(at, it)| (it.address(), at))
                .collect(),
            control_planes: BTreeSet::new(),
            etcd: Etcd::default(),
            endpoint_leads: false,
            vip: None,
            wipes: Vec::new(),
            witness: Witness::default(),
            history: History::new(&machines, now),
            machines,
            mutations: Vec::new(),
            revision: 0,
            queue: BTreeSet::new(),
            surroundings: Surroundings::default(),
            waiting: BTreeSet::new(),
            pushed: BTreeSet::new(),
        }
    }

    /// Makes everything happen that is due until this moment.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            self.now = due.max(self.now);
            self.settle();
        }
        self.now = now.max(self.now);
    }

    /// Returns when something next happens by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Grows with every change of any machine.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the machines in the order of their names.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// Returns the machine of this name.
    pub fn machine(&self, name: &NodeName) -> Option<&Machine> {
        self.machines.get(self.position(name)?)
    }

    /// Returns the machine at this address.
    pub fn machine_at(&self, address: IpAddr) -> Option<&Machine> {
        self.machines.get(*self.addresses.get(&address)?)
    }

    /// Returns the machines that are configured as control planes, in the order of their names.
    pub fn control_planes(&self) -> impl Iterator<Item = &Machine> {
        let positions = self.control_planes.iter();
        positions.map(|position| &self.machines[*position])
    }

    /// Tells whether a machine's API server answers.
    pub fn is_api_server_up(&self, name: &NodeName) -> bool {
        self.machine(name)
            .is_some_and(|machine| machine.is_api_server_up(&self.etcd))
    }

    /// Tells whether Talos has seen that a machine's etcd is healthy.
    #[cfg(test)]
    pub(crate) fn is_etcd_healthy(&self, name: &NodeName) -> bool {
        let Some(machine) = self.machine(name) else {
            return false;
        };
        let mut clusters = self.etcd.clusters().iter();
        let agrees = clusters.any(|it| it.knows(machine.address()) && it.has_quorum());
        machine.has(super::machine::Milestone::EtcdHealth) && agrees
    }

    /// Returns every etcd cluster that was ever started.
    pub fn etcd(&self) -> &Etcd {
        &self.etcd
    }

    /// Returns every disk that lost what it held, in order of time.
    pub fn wipes(&self) -> &[Wipe] {
        &self.wipes
    }

    /// Returns every change that was asked for and taken, in order of time.
    pub fn mutations(&self) -> &[Mutation] {
        &self.mutations
    }

    /// Returns what must never happen and happened, in order of time.
    pub fn violations(&self) -> &[Violation] {
        self.witness.violations()
    }

    /// Returns when each machine came into which state, in order of time.
    pub fn history(&self) -> &[Passage] {
        self.history.passages()
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn events(&self, name: &NodeName) -> Option<&EventLog> {
        self.events.get(self.position(name)?)
    }

    pub(super) fn log(&mut self, node: &NodeName, method: &'static str, caller: &Caller) {
        self.mutations.push(Mutation {
            at: self.now,
            node: node.clone(),
            method,
            caller: caller.name.clone(),
            from: Arc::clone(&caller.from),
        });
    }

    /// Changes a machine at this moment, then lets the others take notice.
    pub(super) fn change(&mut self, name: &NodeName, change: impl FnOnce(&mut Machine, &mut Etcd)) {
        if let Some(position) = self.position(name) {
            change(&mut self.machines[position], &mut self.etcd);
            self.pushed.insert(position);
            self.revision += 1;
            self.settle();
        }
    }

    fn position(&self, name: &NodeName) -> Option<usize> {
        self.machines
            .binary_search_by(|machine| machine.spec().name.cmp(name))
            .ok()
    }

    /// Lets every machine do what is possible now, until nothing more is.
    fn settle(&mut self) {
        let mut touched = BTreeSet::new();
        let etcd_before = self.etcd.revision();
        loop {
            let now = self.now;
            let surroundings =
                Surroundings::of(self.control_planes(), &self.etcd, self.endpoint_leads);
            let due = self.queue.iter().take_while(|(due, _)| *due <= now);
            let mut candidates: BTreeSet<usize> = due.map(|(_, position)| *position).collect();
            if surroundings != self.surroundings {
                candidates.extend(&self.waiting);
                self.surroundings = surroundings;
            }
            candidates.extend(std::mem::take(&mut self.pushed));
            let mut changed = false;
            for position in candidates {
                let machine = &mut self.machines[position];
                changed |=
                    machine.progress(now, &self.surroundings, &mut self.etcd, &mut self.wipes);
                self.enqueue(position);
                touched.insert(position);
            }
            if !changed {
                break;
            }
            self.revision += 1;
        }
        self.witness.look(self.now, &self.etcd, &self.wipes);
        if self.etcd.revision() != etcd_before {
            // What members tell of themselves depends on all of them.
            let members = (0..).zip(&self.machines);
            let members = members.filter(|(_, machine)| machine.etcd_index().is_some());
            touched.extend(members.map(|(position, _)| position));
        }
        for position in touched {
            self.history
                .note(position, &self.machines[position], self.now);
            self.events[position].note(self.now, &self.machines[position], &self.etcd);
        }
    }

    /// Remembers when a machine next changes, and whether another may make it change.
    fn enqueue(&mut self, position: usize) {
        let machine = &self.machines[position];
        if machine.is_control_plane() {
            self.control_planes.insert(position);
        } else {
            self.control_planes.remove(&position);
        }
        let due = std::mem::replace(&mut self.dues[position], machine.due());
        if let Some(due) = due {
            self.queue.remove(&(due, position));
        }
        if let Some(due) = machine.due() {
            self.queue.insert((due, position));
        }
        if machine.is_waiting_for_others() {
            self.waiting.insert(position);
        } else {
            self.waiting.remove(&position);
        }
    }
}

impl Fleet {
    /// Changes a machine that tells whether it has changed at all.
    pub(super) fn change_if(&mut self, name: &NodeName, change: impl FnOnce(&mut Machine) -> bool) {
        let Some(position) = self.position(name) else {
            return;
        };
        if change(&mut self.machines[position]) {
            self.pushed.insert(position);
            self.revision += 1;
            self.settle();
        }
    }

    /// Tells all machines whether the endpoint of the cluster leads to a control plane, where it
    /// is not the address of one.
    pub fn set_endpoint_leads(&mut self, leads: bool) {
        if self.endpoint_leads != leads {
            self.endpoint_leads = leads;
            self.revision += 1;
            self.settle();
        }
    }

    /// Puts the virtual IP on a machine, or takes it away.
    pub fn set_vip(&mut self, vip: Option<(NodeName, IpAddr)>) {
        if self.vip != vip {
            self.vip = vip;
            self.revision += 1;
        }
    }

    /// Returns the virtual IP when this machine has it.
    pub(super) fn vip_of(&self, name: &NodeName) -> Option<IpAddr> {
        let (holder, address) = self.vip.as_ref()?;
        (holder == name).then_some(*address)
    }
}
