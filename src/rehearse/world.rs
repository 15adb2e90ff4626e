//! A world to rehearse in: machines, their Kubernetes, the network between, the Git remote.
//!
//! Built from the same spec as the real cluster. It knows nothing of the engine that acts on it.
//! Everything that moves by itself moves in [`World::drive`]; equal seeds and equal requests at
//! equal times make equal worlds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use rustls::ServerConfig;

use super::api_identity;
use super::controllers::{Controllers, Facts, Kubelet, Remote};
use super::git_remote;
use super::kubernetes::{self, Api};
use super::machine::{Fleet, Machine, MachineSpec, Reach, SharedFleet};
use super::network::{Door, GIT_HOST, KUBERNETES_PORT, TALOS_PORT};
use crate::connect::{CertificateTime, Stream, Target};
use crate::model::{Clock, FileTree, NodeName};
use crate::spec::Cluster;
use crate::spec::cluster::{Distribution, GitOps, Role, VipProvider};

/// What a world is built from.
pub struct Setup {
    /// The cluster that its machines are for.
    pub cluster: Arc<Cluster>,
    /// What the Git remote serves.
    pub tree: FileTree,
    /// The machines; [`MachineSpec::of_cluster`] makes ordinary ones.
    pub machines: Vec<MachineSpec>,
    /// What spans follow from.
    pub seed: u64,
    /// Simulated time.
    pub clock: Arc<dyn Clock>,
    /// The time of day that certificates are made and judged by.
    pub calendar: Arc<dyn Clock>,
}

/// A world to rehearse in.
pub struct World {
    pub(super) cluster: Arc<Cluster>,
    pub(super) fleet: SharedFleet,
    pub(super) remote: Arc<Remote>,
    pub(super) seed: u64,
    clock: Arc<dyn Clock>,
    calendar: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The Kubernetes of each etcd cluster, by its number.
    sides: BTreeMap<usize, Side>,
    vip: Option<NodeName>,
    tls: BTreeMap<(NodeName, u64), Arc<ServerConfig>>,
}

/// What lives in one etcd cluster.
struct Side {
    api: Arc<Api>,
    controllers: Controllers,
}

impl World {
    /// Builds a world; nothing has happened in it yet.
    pub fn new(setup: Setup) -> Arc<Self> {
        let GitOps::Flux(flux) = &setup.cluster.gitops;
        let remote = Remote {
            url: flux.url.clone(),
            branch: flux.branch.clone(),
            commit: git_remote::commit_of(&setup.tree),
            tree: setup.tree,
        };
        let fleet = Fleet::new(setup.machines, setup.seed, setup.clock.now());
        Arc::new(Self {
            fleet: SharedFleet::new(fleet, Arc::clone(&setup.clock))
                .with_calendar(Arc::clone(&setup.calendar)),
            cluster: setup.cluster,
            remote: Arc::new(remote),
            seed: setup.seed,
            clock: setup.clock,
            calendar: setup.calendar,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the simulated time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the machines.
    pub fn fleet(&self) -> &SharedFleet {
        &self.fleet
    }

    /// Returns the Git remote: what the cluster reads.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Lets time pass for as long as it is polled. The world's time runs this many times as fast
    /// as tokio's.
    pub async fn drive(&self, speed: u32) -> Infallible {
        let (never, _) = futures::join!(self.fleet.drive(speed), self.drive_clusters(speed));
        never
    }

    async fn drive_clusters(&self, speed: u32) -> Infallible {
        let mut machines = self.fleet.changes();
        loop {
            let due = self.step();
            let changed = self.api_changes();
            tokio::select! {
                biased;
                _ = machines.changed() => {}
                () = changed => {}
                () = self.until(due, speed) => {}
            }
        }
    }

    async fn until(&self, due: Option<Timestamp>, speed: u32) {
        let Some(due) = due else {
            return std::future::pending().await;
        };
        let wait = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default();
        // Timers have a millisecond's resolution; never wake before the moment has come.
        tokio::time::sleep((wait / speed.max(1)).max(Duration::from_millis(1))).await;
    }

    /// Waits until somebody writes to any API.
    fn api_changes(&self) -> impl Future<Output = ()> + use<> {
        let receivers: Vec<_> = self
            .state()
            .sides
            .values()
            .map(|s| s.api.changes())
            .collect();
        async move {
            if receivers.is_empty() {
                return std::future::pending().await;
            }
            let waits = receivers
                .into_iter()
                .map(|mut receiver| async move { receiver.changed().await.is_ok() }.boxed());
            futures::future::select_all(waits).await;
        }
    }

    /// Lets clusters do what is possible now; returns when more will be.
    fn step(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut state = self.state();
        let serving = self.fleet.with(|fleet| serving(fleet));
        for index in &serving {
            if !state.sides.contains_key(index) {
                state.sides.insert(*index, self.found(now));
            }
        }
        let mut due = None;
        let mut announcers = Vec::new();
        for (index, side) in &mut state.sides {
            if !serving.contains(index) {
                continue;
            }
            let facts = self.fleet.with(|fleet| self.facts(fleet, *index));
            let next = side.controllers.run(now, &facts);
            due = due.into_iter().chain(next).min();
            announcers.extend(side.controllers.announcers());
            for kubelet in &facts.kubelets {
                let ready = side.controllers.is_node_ready(&kubelet.name);
                self.fleet.with(|fleet| {
                    if let Some(name) = named(fleet, kubelet) {
                        fleet.set_node_ready(&name, ready);
                    }
                });
            }
        }
        state.vip = self.holder(state.vip.take(), &announcers);
        let leads = state.vip.is_some();
        let address = self.cluster.control_plane.vip.as_ref().map(|it| it.address);
        let vip = state.vip.clone().zip(address);
        self.fleet.with(|fleet| {
            fleet.set_endpoint_leads(leads);
            fleet.set_vip(vip);
        });
        due
    }

    fn found(&self, now: Timestamp) -> Side {
        let api = Api::new(Arc::clone(&self.clock), self.cluster.kubernetes.to_string());
        let remote = Arc::clone(&self.remote);
        let controllers = Controllers::new(Arc::clone(&api), remote, self.seed, now);
        controllers.install_base();
        Side { api, controllers }
    }

    fn facts(&self, fleet: &Fleet, index: usize) -> Facts {
        let Distribution::Talos(talos) = &self.cluster.distribution;
        let configured = fleet
            .machines()
            .iter()
            .filter_map(|machine| Some((machine, machine.config()?)));
        let mut has_own_network = false;
        let kubelets = configured
            .filter(|(machine, _)| side_of(fleet, machine).unwrap_or(0) == index)
            .map(|(machine, config)| {
                let network = config.text_at("/cluster/network/cni/name");
                has_own_network |= network.is_none_or(|name| name == "flannel");
                let schedulable = config.get("/cluster/allowSchedulingOnControlPlanes");
                let labels = config
                    .get("/machine/nodeLabels")
                    .and_then(|it| it.as_object());
                Kubelet {
                    name: machine.hostname(),
                    address: machine.address(),
                    is_control_plane: config.role() == Role::ControlPlane,
                    is_schedulable: schedulable.is_some_and(|it| *it == true),
                    is_up: machine.is_kubelet_up(),
                    version: self.cluster.kubernetes.clone(),
                    talos: talos.version.clone(),
                    labels: labels
                        .into_iter()
                        .flatten()
                        .map(|(name, value)| {
                            (name.clone(), value.as_str().unwrap_or_default().to_owned())
                        })
                        .collect(),
                }
            })
            .collect();
        Facts {
            kubelets,
            has_own_network,
        }
    }

    /// Who answers at the virtual IP: whoever did, as long as it can; else the first that can.
    fn holder(&self, before: Option<NodeName>, announcers: &[String]) -> Option<NodeName> {
        let vip = self.cluster.control_plane.vip.as_ref()?;
        self.fleet.with(|fleet| {
            let can: Vec<&NodeName> = fleet
                .machines()
                .iter()
                .filter(|machine| {
                    let can_announce = match vip.provider {
                        VipProvider::Talos => true,
                        VipProvider::KubeVip => announcers.contains(&machine.hostname()),
                    };
                    can_announce && fleet.is_api_server_up(&machine.spec().name)
                })
                .map(|machine| &machine.spec().name)
                .collect();
            let kept = before.filter(|before| can.contains(&before));
            kept.or_else(|| can.first().map(|first| (*first).clone()))
        })
    }

    /// Returns who answers at the virtual IP.
    pub fn vip_holder(&self) -> Option<NodeName> {
        self.state().vip.clone()
    }

    /// Returns every Kubernetes of the world; more than one means that the cluster was split.
    pub(super) fn with_sides(&self, mut look: impl FnMut(&Api, &Controllers)) {
        for side in self.state().sides.values() {
            look(&side.api, &side.controllers);
        }
    }

    /// Tells what is behind a target right now.
    pub fn door(&self, target: &Target) -> Door {
        if target.host == GIT_HOST {
            return Door::Git;
        }
        let endpoint = &self.cluster.control_plane.endpoint;
        let Some(address) = self.resolve(&target.host) else {
            return Door::Nobody;
        };
        let vip = self.cluster.control_plane.vip.as_ref();
        if vip.is_some_and(|vip| vip.address == address) {
            return match self.vip_holder() {
                Some(holder) if target.port == endpoint.port => Door::Kubernetes(holder),
                Some(holder) if target.port == TALOS_PORT => Door::Talos(holder),
                Some(_) => Door::Refused,
                None => Door::Nobody,
            };
        }
        self.fleet.with(|fleet| {
            let Some(machine) = fleet.machine_at(address) else {
                return Door::Nobody;
            };
            let name = machine.spec().name.clone();
            match (target.port, machine.reach()) {
                (_, Reach::Silent) => Door::Silent,
                (TALOS_PORT, Reach::Listening) => Door::Talos(name),
                (KUBERNETES_PORT, _) if fleet.is_api_server_up(&name) => Door::Kubernetes(name),
                _ => Door::Refused,
            }
        })
    }

    /// An address, or the cluster's endpoint by its name.
    fn resolve(&self, host: &str) -> Option<IpAddr> {
        if let Ok(address) = host.parse() {
            return Some(address);
        }
        let control_plane = &self.cluster.control_plane;
        if host != control_plane.endpoint.host {
            return None;
        }
        let vip = control_plane.vip.as_ref().map(|vip| vip.address);
        vip.or_else(|| Some(self.cluster.control_planes().first()?.address))
    }

    /// Serves one connection until either side ends it, or what is behind it goes away.
    pub async fn enter(self: Arc<Self>, door: Door, stream: Box<dyn Stream>) -> io::Result<()> {
        match door {
            Door::Talos(node) => self.fleet.serve(node, stream).await,
            Door::Git => git_remote::serve(Arc::clone(&self.remote), stream).await,
            Door::Kubernetes(node) => {
                let (api, tls) = self.api_server(&node)?;
                let session = self.session(&node);
                tokio::select! {
                    biased;
                    () = self.api_server_ends(&node, session) => {
                        Err(io::ErrorKind::ConnectionReset.into())
                    }
                    served = kubernetes::serve(api, tls, node.to_string(), stream) => served,
                }
            }
            Door::Refused | Door::Silent | Door::Nobody => {
                Err(io::ErrorKind::ConnectionRefused.into())
            }
        }
    }

    fn session(&self, node: &NodeName) -> Option<u64> {
        let is_up = |fleet: &mut Fleet| {
            let session = fleet.machine(node)?.session();
            fleet.is_api_server_up(node).then_some(session)
        };
        self.fleet.with(is_up)
    }

    async fn api_server_ends(&self, node: &NodeName, session: Option<u64>) {
        let mut changes = self.fleet.changes();
        while session.is_some() && self.session(node) == session {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn api_server(&self, node: &NodeName) -> io::Result<(Arc<Api>, Arc<ServerConfig>)> {
        // The first request may come before the cluster has made its first step.
        self.step();
        let (index, session) = self
            .fleet
            .with(|fleet| {
                let machine = fleet.machine(node)?;
                Some((side_of(fleet, machine)?, machine.session()))
            })
            .ok_or(io::ErrorKind::ConnectionRefused)?;
        let mut state = self.state();
        let side = state.sides.get(&index);
        let api = side.map(|side| Arc::clone(&side.api));
        let api = api.ok_or(io::ErrorKind::ConnectionRefused)?;
        let key = (node.clone(), session);
        if let Some(known) = state.tls.get(&key) {
            return Ok((api, Arc::clone(known)));
        }
        let now = self.calendar.now();
        let time = CertificateTime(Arc::clone(&self.calendar));
        let made = self.fleet.with(|fleet| {
            let machine = fleet.machine(node).ok_or(io::ErrorKind::NotFound)?;
            api_identity::tls(machine, self.seed, now, time).map_err(io::Error::other)
        })?;
        state.tls.insert(key, Arc::clone(&made));
        Ok((api, made))
    }
}

/// Returns the etcd clusters that some API server serves.
fn serving(fleet: &Fleet) -> Vec<usize> {
    let up = fleet.machines().iter().filter(|machine| {
        let name = &machine.spec().name;
        fleet.is_api_server_up(name)
    });
    let mut all: Vec<usize> = up.filter_map(|machine| side_of(fleet, machine)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns the etcd cluster that a machine is a member of.
fn side_of(fleet: &Fleet, machine: &Machine) -> Option<usize> {
    let clusters = fleet.etcd().clusters();
    clusters.iter().position(|cluster| {
        let mut members = cluster.members.iter();
        members.any(|member| member.node == machine.spec().name)
    })
}

fn named(fleet: &Fleet, kubelet: &Kubelet) -> Option<NodeName> {
    let machine = fleet.machine_at(kubelet.address)?;
    Some(machine.spec().name.clone())
}
