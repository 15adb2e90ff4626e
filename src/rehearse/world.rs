//! A world to rehearse in: machines, their Kubernetes, the network between, the Git remote.
//!
//! Built from the same spec as the real cluster. It knows nothing of the engine that acts on it.
//! Everything that moves by itself moves in [`World::drive`]; equal seeds and equal requests at
//! equal times make equal worlds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use rustls::ServerConfig;

use super::controllers::{Controllers, Facts, Kubelet, Remote, whole_second};
use super::faults::{EtcdState, Ongoing};
use super::kubernetes::Api;
use super::machine::{Fleet, Machine, MachineSpec, SharedFleet};
use super::witness::{Rule, Violation};
use crate::model::{Clock, NodeName};
use crate::spec::Cluster;
use crate::spec::cluster::{Distribution, Role, VipProvider};

/// What a world is built from.
pub struct Setup {
    /// The cluster that its machines are for.
    pub cluster: Arc<Cluster>,
    /// What the Git remote serves.
    pub remote: Arc<Remote>,
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
    pub(super) faults: Arc<Ongoing>,
    /// How many connections are open, and how many were at most.
    pub(super) connections: (AtomicUsize, AtomicUsize),
    clock: Arc<dyn Clock>,
    pub(super) calendar: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// The Kubernetes of each etcd cluster, by its number.
    pub(super) sides: BTreeMap<usize, Side>,
    vip: Option<NodeName>,
    pub(super) tls: BTreeMap<(NodeName, u64), Arc<ServerConfig>>,
}

/// What lives in one etcd cluster.
pub(super) struct Side {
    pub(super) api: Arc<Api>,
    controllers: Controllers,
    /// What the controllers were told last, and of which state of the machines that is.
    facts: Option<(u64, Arc<Facts>)>,
}

impl World {
    /// Builds a world; nothing has happened in it yet.
    pub fn new(setup: Setup) -> Arc<Self> {
        let fleet = Fleet::new(setup.machines, setup.seed, setup.clock.now());
        let faults = Arc::<Ongoing>::default();
        Arc::new(Self {
            fleet: SharedFleet::new(fleet, Arc::clone(&setup.clock))
                .with_calendar(Arc::clone(&setup.calendar))
                .with_faults(Arc::clone(&faults)),
            cluster: setup.cluster,
            remote: setup.remote,
            seed: setup.seed,
            faults,
            connections: Default::default(),
            clock: setup.clock,
            calendar: setup.calendar,
            state: Mutex::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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

    /// Returns what is wrong beside what is wrong with the machines.
    pub fn faults(&self) -> &Arc<Ongoing> {
        &self.faults
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
            self.until(Some(whole_second(self.clock.now())), speed)
                .await;
        }
    }

    async fn until(&self, due: Option<Timestamp>, speed: u32) {
        let Some(due) = due else {
            return std::future::pending().await;
        };
        let wait = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default();
        if wait.is_zero() {
            return;
        }
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
    pub(super) fn step(&self) -> Option<Timestamp> {
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
            // Controllers cannot write either.
            if !serving.contains(index) || self.faults.etcd() == EtcdState::Full {
                continue;
            }
            let facts = self.facts(side, *index);
            let next = side.controllers.run(now, &facts);
            due = due.into_iter().chain(next).min();
            announcers.push(side.controllers.announcers());
            let ready = side.controllers.ready_nodes();
            self.fleet.with(|fleet| {
                for kubelet in &facts.kubelets {
                    fleet.set_node_ready(&kubelet.machine, ready.contains(&kubelet.name));
                }
            });
        }
        let has_pod = |name: &str| announcers.iter().any(|names| names.contains(name));
        state.vip = self.holder(state.vip.take(), has_pod);
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
        let version = self.cluster.kubernetes.to_string();
        let api = Api::new(Arc::clone(&self.clock), version, Arc::clone(&self.faults));
        let remote = Arc::clone(&self.remote);
        let controllers = Controllers::new(Arc::clone(&api), remote, self.seed, now);
        controllers.install_base();
        Side {
            api,
            controllers,
            facts: None,
        }
    }

    /// What a side's controllers are told; made anew when a machine has changed.
    fn facts(&self, side: &mut Side, index: usize) -> Arc<Facts> {
        self.fleet.with(|fleet| {
            let revision = fleet.revision();
            if let Some((known, facts)) = &side.facts
                && *known == revision
            {
                return Arc::clone(facts);
            }
            let facts = Arc::new(self.look_around(fleet, index));
            side.facts = Some((revision, Arc::clone(&facts)));
            facts
        })
    }

    fn look_around(&self, fleet: &Fleet, index: usize) -> Facts {
        let Distribution::Talos(talos) = &self.cluster.distribution;
        let configured = fleet
            .machines()
            .iter()
            .filter_map(|machine| Some((machine, machine.config()?)));
        let mut has_own_network = false;
        let kubelets = configured
            .filter(|(machine, _)| side_of(fleet, machine).unwrap_or(0) == index)
            .map(|(machine, config)| {
                has_own_network |= config.has_own_network();
                let labels = config
                    .get("/machine/nodeLabels")
                    .and_then(|it| it.as_object());
                Kubelet {
                    name: machine.hostname(),
                    machine: machine.spec().name.clone(),
                    address: machine.address(),
                    is_control_plane: config.role() == Role::ControlPlane,
                    is_schedulable: config.is_schedulable(),
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
    fn holder(
        &self,
        before: Option<NodeName>,
        announces: impl Fn(&str) -> bool,
    ) -> Option<NodeName> {
        let vip = self.cluster.control_plane.vip.as_ref()?;
        self.fleet.with(|fleet| {
            let can: Vec<&NodeName> = fleet
                .control_planes()
                .filter(|machine| {
                    let can_announce = match vip.provider {
                        VipProvider::Talos => true,
                        VipProvider::KubeVip => announces(&machine.hostname()),
                    };
                    can_announce && fleet.is_api_server_up(&machine.spec().name)
                })
                .map(|machine| &machine.spec().name)
                .collect();
            let kept = before.filter(|before| can.contains(&before));
            kept.or_else(|| can.first().map(|first| (*first).clone()))
        })
    }

    /// Returns the changes of those who did not hold the lease while somebody did. Machines that wait
    /// for their first configuration are nobody's yet.
    pub(super) fn intrusions(&self) -> Vec<Violation> {
        let violation = |at, seen| Violation {
            at,
            rule: Rule::OneOperator,
            seen,
        };
        let mut all = Vec::new();
        self.with_sides(|api, _| {
            let of_kubernetes = api.intrusions();
            all.extend(
                of_kubernetes
                    .into_iter()
                    .map(|it| violation(it.at, it.seen)),
            );
            self.fleet.with(|fleet| {
                let changes = fleet.mutations().iter();
                let of_machines = changes.filter(|change| change.caller != "maintenance");
                all.extend(of_machines.filter_map(|change| {
                    let what = format!("{} on `{}`", change.method, change.node);
                    let seen = api.intrusion(change.at, &what, &change.from)?;
                    Some(violation(change.at, seen))
                }));
            });
        });
        all
    }

    /// Waits until something happens that must never happen.
    pub(super) async fn violated(&self) -> Violation {
        let mut machines = self.fleet.changes();
        loop {
            let seen = self.fleet.with(|fleet| fleet.violations().first().cloned());
            if let Some(violation) = seen.or_else(|| self.intrusions().into_iter().next()) {
                return violation;
            }
            let changed = self.api_changes();
            tokio::select! {
                biased;
                _ = machines.changed() => {}
                () = changed => {}
            }
        }
    }

    /// Returns who answers at the virtual IP.
    pub fn vip_holder(&self) -> Option<NodeName> {
        self.state().vip.clone()
    }

    /// Returns every Kubernetes of the world; more than one means that the cluster was split.
    pub(super) fn with_sides(&self, mut look: impl FnMut(&Api, &mut Controllers)) {
        for side in self.state().sides.values_mut() {
            look(&side.api, &mut side.controllers);
        }
    }
}

/// Returns the etcd clusters that some API server serves.
fn serving(fleet: &Fleet) -> Vec<usize> {
    let up = fleet.control_planes().filter(|machine| {
        let name = &machine.spec().name;
        fleet.is_api_server_up(name)
    });
    let mut all: Vec<usize> = up.filter_map(|machine| side_of(fleet, machine)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns the etcd cluster that a machine is a member of.
pub(super) fn side_of(fleet: &Fleet, machine: &Machine) -> Option<usize> {
    let clusters = fleet.etcd().clusters();
    clusters.iter().position(|cluster| {
        let mut members = cluster.members.iter();
        members.any(|member| member.node == machine.spec().name)
    })
}
