//! The world's own account of what happened to it; `docs/rehearse-report.md` explains each field.
//!
//! Tests and people judge a run by this, not by what the engine says of itself.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde::Serialize;

use super::controllers::GitOpsObject;
use super::machine::{Fleet, Machine, Passage};
use super::witness::Violation;
use super::world::World;
use crate::model::NodeName;

/// The world's own account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The form of the document: 1.
    pub version: u32,
    /// The simulated time of the account.
    pub at: Timestamp,
    /// What spans follow from.
    pub seed: u64,
    /// How many etcd clusters were ever started. More than one is a split cluster.
    pub etcd_clusters_bootstrapped: usize,
    /// Each of them.
    pub etcd_clusters: Vec<EtcdReport>,
    /// What must never happen and happened, in order of time. Anything here is a failure.
    pub violations: Vec<Violation>,
    /// Every disk that lost what it held, in order of time.
    pub wipes: Vec<WipeReport>,
    /// Every change that somebody asked for and got, in order of time.
    pub mutations: Vec<MutationReport>,
    /// The machines, by name.
    pub nodes: Vec<NodeReport>,
    /// When each machine came into which state, in order of time.
    pub history: Vec<Passage>,
    /// The objects of the GitOps engine.
    pub gitops: Vec<GitOpsObject>,
    /// How many connections were open at the same time, at most.
    pub most_connections: usize,
    /// Who answers at the virtual IP.
    pub vip_holder: Option<NodeName>,
    /// What the Git remote serves.
    pub git: GitReport,
}

/// An etcd cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EtcdReport {
    /// The machine that it was started on.
    pub bootstrapped_on: NodeName,
    /// When.
    pub at: Timestamp,
    /// Whether enough voters run to agree on anything.
    pub quorum: bool,
    /// Machines with a vote, in the order of joining.
    pub voters: Vec<NodeName>,
    /// Machines that still catch up.
    pub learners: Vec<NodeName>,
}

/// A disk that lost what it held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WipeReport {
    /// The machine.
    pub node: NodeName,
    /// The disk's serial number.
    pub disk: String,
    /// When.
    pub at: Timestamp,
    /// What was on it.
    pub held: Vec<String>,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MutationReport {
    /// When.
    pub at: Timestamp,
    /// The machine that was asked.
    pub node: String,
    /// The method of the Talos API, or verb and path of the Kubernetes API.
    pub method: String,
    /// The subject of the client's certificate, or `maintenance`.
    pub caller: String,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: NodeName,
    /// Where it is between power-on and service.
    pub stage: String,
    /// Whether Kubernetes counts it as ready.
    pub ready: bool,
}

/// What the Git remote serves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GitReport {
    /// Always `working-tree`: what is rendered here, not what is in any repository.
    pub serves: &'static str,
    /// The branch.
    pub branch: String,
    /// The name of the state.
    pub commit: String,
    /// How many files it has.
    pub files: usize,
}

impl World {
    /// Gives the world's account of this moment.
    pub fn report(&self) -> Report {
        let (mut kubernetes, mut gitops) = (Vec::new(), Vec::new());
        let mut ready: Vec<String> = Vec::new();
        self.with_sides(|api, controllers| {
            kubernetes.extend(api.mutations());
            gitops.extend(controllers.gitops());
            ready.extend(controllers.ready_nodes().iter().cloned());
        });
        let intrusions = self.intrusions();
        let remote = self.remote();
        self.fleet.with(|fleet| Report {
            version: 1,
            at: self.now(),
            seed: self.seed,
            etcd_clusters_bootstrapped: fleet.etcd().clusters().len(),
            etcd_clusters: etcd(fleet),
            violations: fleet
                .violations()
                .iter()
                .cloned()
                .chain(intrusions)
                .collect(),
            wipes: wipes(fleet),
            mutations: mutations(fleet, kubernetes),
            nodes: fleet.machines().iter().map(|it| node(it, &ready)).collect(),
            history: fleet.history().to_vec(),
            gitops,
            most_connections: self.connections.1.load(Ordering::Relaxed),
            vip_holder: self.vip_holder(),
            git: GitReport {
                serves: "working-tree",
                branch: remote.branch.clone(),
                commit: remote.commit.clone(),
                files: remote.tree.len(),
            },
        })
    }
}

fn etcd(fleet: &Fleet) -> Vec<EtcdReport> {
    let clusters = fleet.etcd().clusters().iter();
    clusters
        .map(|cluster| {
            let (learners, voters): (Vec<_>, Vec<_>) =
                cluster.members.iter().partition(|member| member.learner);
            let names = |members: Vec<&super::etcd::Member>| {
                members
                    .into_iter()
                    .map(|member| member.node.clone())
                    .collect()
            };
            EtcdReport {
                bootstrapped_on: cluster.bootstrapped_on.clone(),
                at: cluster.at,
                quorum: cluster.has_quorum(),
                voters: names(voters),
                learners: names(learners),
            }
        })
        .collect()
}

fn wipes(fleet: &Fleet) -> Vec<WipeReport> {
    let wipes = fleet.wipes().iter();
    wipes
        .map(|wipe| WipeReport {
            node: wipe.node.clone(),
            disk: wipe.disk.clone(),
            at: wipe.at,
            held: wipe.held.clone(),
        })
        .collect()
}

fn mutations(fleet: &Fleet, kubernetes: Vec<super::kubernetes::Mutation>) -> Vec<MutationReport> {
    let talos = fleet.mutations().iter().map(|mutation| MutationReport {
        at: mutation.at,
        node: mutation.node.to_string(),
        method: mutation.method.to_owned(),
        caller: mutation.caller.clone(),
    });
    let kubernetes = kubernetes.into_iter().map(|mutation| MutationReport {
        at: mutation.at,
        node: mutation.node,
        method: mutation.method,
        caller: mutation.caller,
    });
    let mut all: Vec<_> = talos.chain(kubernetes).collect();
    all.sort_by_key(|mutation| mutation.at);
    all
}

fn node(machine: &Machine, ready: &[String]) -> NodeReport {
    let stage = match machine.stage() {
        Some(stage) => format!("{stage:?}").to_lowercase(),
        None => "off".to_owned(),
    };
    NodeReport {
        name: machine.spec().name.clone(),
        stage,
        ready: ready.contains(&machine.hostname()),
    }
}
