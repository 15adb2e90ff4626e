//! The plan as a value: ordered steps, each with its reason, what must hold before and after it,
//! and what it disturbs.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::refusal::{Refusal, Severity};
use crate::model::NodeName;

/// Everything that a run will do, decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The cluster.
    pub cluster: NodeName,
    /// What it is a plan of.
    pub operation: Operation,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Why nothing may be done, if so: all reasons at once.
    pub refusals: Vec<Refusal>,
    /// What is worth knowing but stops nothing.
    pub warnings: Vec<String>,
}

/// What a plan is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Bare machines become a cluster.
    Bootstrap,
    /// A cluster that runs is changed.
    Apply,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// A stable name such as `apply-configuration/talos-1`.
    pub id: StepId,
    /// Which of the twelve stages it belongs to. Steps of one batch run side by side.
    pub stage: Stage,
    /// Consecutive steps of one batch run side by side.
    pub batch: usize,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What must hold right before it.
    pub precondition: Condition,
    /// What must hold after it; when it holds before, the step is skipped.
    pub postcondition: Condition,
    /// What it disturbs.
    pub effects: Vec<Effect>,
}

impl Step {
    /// Returns the step that keeps every other operator out, which all plans share.
    pub(super) fn take_lease() -> Self {
        Self {
            id: StepId::new("lease"),
            stage: Stage::Kubernetes,
            batch: 0,
            action: Action::TakeLease,
            reason: "one operator at a time, from any computer".to_owned(),
            precondition: Condition::Always,
            postcondition: Condition::LeaseHeld,
            effects: vec![Effect::AppliesObjects],
        }
    }
}

/// A step's stable name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepId(String);

/// The stages of a bootstrap that act; the first three only look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Configurations reach the machines.
    Configure,
    /// Machines answer with their new identity.
    Identity,
    /// etcd is bootstrapped, once.
    Etcd,
    /// The Kubernetes API answers and its credentials are at hand.
    Kubernetes,
    /// What must be there before Git can take over.
    BeforeGit,
    /// The virtual IP answers and nodes are ready.
    Nodes,
    /// The GitOps engine starts.
    GitOps,
    /// Everything in Git is reconciled.
    Reconcile,
    /// A last look at the whole.
    Verify,
    /// A cluster that runs is changed, one machine at a time.
    Change,
}

/// What a step does. Each variant is one small function of the executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Sends the configuration to a machine in maintenance mode.
    #[serde(rename_all = "camelCase")]
    InstallNode {
        /// The node.
        node: NodeName,
        /// The certificate that the machine must present.
        fingerprint: String,
        /// The disk that is wiped and written; `None` where the platform has none.
        disk: Option<String>,
    },
    /// Sends the configuration to a machine that already has one, before etcd exists.
    ReconfigureNode {
        /// The node.
        node: NodeName,
    },
    /// Sends the changed configuration to a machine of a cluster that runs.
    ApplyConfiguration {
        /// The node.
        node: NodeName,
        /// Whether the machine may restart for it.
        reboots: bool,
        /// The control plane whose API server is asked meanwhile.
        api: Option<NodeName>,
    },
    /// Waits; the condition says for what.
    Await,
    /// Bootstraps etcd on this node and no other.
    BootstrapEtcd {
        /// The first control plane by name.
        node: NodeName,
    },
    /// Fetches the administrator's kubeconfig from a node and stores it.
    FetchKubeconfig {
        /// The node that gives it and that it points at.
        node: NodeName,
    },
    /// Points the stored kubeconfig at the cluster's endpoint.
    PublishKubeconfig,
    /// Takes the lease that keeps other operators away.
    TakeLease,
    /// Removes the Jobs that installed charts, and their rights.
    RemoveChartRunner,
    /// Applies a set of objects.
    ApplyObjects {
        /// Which.
        objects: ObjectSet,
    },
}

/// Sets of objects that are applied before Git takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectSet {
    /// Namespaces.
    Namespaces,
    /// The age key and the Git credentials.
    Secrets,
    /// The Job that installs the charts that Git's engine itself needs.
    Charts,
    /// The GitOps engine's operator.
    Operator,
    /// The GitOps engine's instance.
    Instance,
}

/// What can be looked at and either holds or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "that", rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing in particular.
    Always,
    /// The node waits for a configuration and presents this certificate.
    InMaintenance {
        /// The node.
        node: NodeName,
        /// The certificate.
        fingerprint: String,
    },
    /// The node answers with this cluster's identity.
    HasIdentity {
        /// The node.
        node: NodeName,
    },
    /// The node has left maintenance mode.
    TookConfiguration {
        /// The node.
        node: NodeName,
    },
    /// The node runs exactly the configuration of this plan.
    Configured {
        /// The node.
        node: NodeName,
    },
    /// These control planes all answer and none shows a sign of etcd.
    NoEtcd {
        /// The control planes.
        nodes: Vec<NodeName>,
    },
    /// etcd is healthy on this node.
    EtcdHealthy {
        /// The node.
        node: NodeName,
    },
    /// All of these are full members of one etcd.
    EtcdComplete {
        /// The control planes.
        nodes: Vec<NodeName>,
    },
    /// The Kubernetes API of this node is ready.
    ApiReady {
        /// The node.
        node: NodeName,
    },
    /// The kubeconfig is stored.
    KubeconfigStored,
    /// The kubeconfig points at the cluster's endpoint.
    KubeconfigPublished,
    /// This run holds the lease.
    LeaseHeld,
    /// The objects are there.
    Applied {
        /// Which.
        objects: ObjectSet,
    },
    /// The objects are there and ready.
    Ready {
        /// Which.
        objects: ObjectSet,
    },
    /// The Kubernetes API answers at the virtual IP.
    VipAnswers {
        /// The address.
        address: IpAddr,
    },
    /// The nodes are registered.
    NodesRegistered {
        /// The nodes.
        nodes: Vec<NodeName>,
    },
    /// The nodes are registered and ready.
    NodesReady {
        /// The nodes.
        nodes: Vec<NodeName>,
    },
    /// Every object that Git brings is ready, at this commit where one is known.
    Reconciled {
        /// The commit.
        revision: Option<String>,
    },
    /// The cluster can do without this node for a while, and this run holds the lease.
    Spared {
        /// The node.
        node: NodeName,
        /// The voters in etcd that it is one of; none for a worker.
        voters: Vec<NodeName>,
        /// Whether its etcd goes away.
        restarts: bool,
    },
    /// The node runs the planned configuration, and it and etcd are well.
    Settled {
        /// The node.
        node: NodeName,
        /// The voters in etcd that it is one of; none for a worker.
        voters: Vec<NodeName>,
    },
    /// Nothing is left of the Jobs that installed charts.
    ChartRunnerGone,
    /// Quorum is full, machines are ready, pods run, no ciphertext is in a live Secret.
    Verified,
}

/// What a step disturbs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A disk is wiped and written.
    WipesDisk {
        /// The node.
        node: NodeName,
        /// The disk.
        disk: String,
    },
    /// A machine restarts.
    Reboots {
        /// The node.
        node: NodeName,
    },
    /// A service of a machine restarts.
    RestartsService {
        /// The node.
        node: NodeName,
        /// The service.
        service: String,
    },
    /// Something is made that exists once in a cluster's life.
    CreatesEtcd {
        /// The node.
        node: NodeName,
    },
    /// Objects appear in Kubernetes.
    AppliesObjects,
    /// Objects disappear from Kubernetes.
    RemovesObjects,
    /// A file on this computer is written.
    WritesFile {
        /// Its path from the repository's root.
        path: String,
    },
}

impl StepId {
    /// Names a step that concerns the whole cluster.
    pub fn new(verb: &str) -> Self {
        Self(verb.to_owned())
    }

    /// Names a step that concerns one node or object set.
    pub fn of(verb: &str, what: impl fmt::Display) -> Self {
        Self(format!("{verb}/{what}"))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Plan {
    /// Returns how the process ends because of refusals; `None` when there are none.
    pub fn severity(&self) -> Option<Severity> {
        Severity::of(&self.refusals)
    }

    /// Returns the steps in batches that run side by side.
    pub fn batches(&self) -> impl Iterator<Item = &[Step]> {
        self.steps.chunk_by(|a, b| a.batch == b.batch)
    }
}

impl Step {
    /// Returns the node that the step acts on or waits for, if it is one.
    pub fn node(&self) -> Option<&NodeName> {
        match (&self.action, &self.postcondition) {
            (
                Action::InstallNode { node, .. }
                | Action::ReconfigureNode { node }
                | Action::ApplyConfiguration { node, .. }
                | Action::BootstrapEtcd { node }
                | Action::FetchKubeconfig { node },
                _,
            )
            | (_, Condition::HasIdentity { node } | Condition::ApiReady { node }) => Some(node),
            _ => None,
        }
    }
}

impl ObjectSet {
    /// Returns its name in plans and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Secrets => "secrets",
            Self::Charts => "charts",
            Self::Operator => "operator",
            Self::Instance => "instance",
        }
    }
}

impl Stage {
    /// Returns its number among the twelve of a bootstrap.
    pub fn number(self) -> u8 {
        self as u8 + 4
    }

    /// Returns its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Configure => "configure the machines",
            Self::Identity => "machines answer with their new identity",
            Self::Etcd => "bootstrap etcd once",
            Self::Kubernetes => "Kubernetes API and kubeconfig",
            Self::BeforeGit => "what must be there before Git",
            Self::Nodes => "virtual IP and nodes",
            Self::GitOps => "GitOps engine",
            Self::Reconcile => "everything in Git is reconciled",
            Self::Verify => "verify",
            Self::Change => "change the machines, one at a time",
        }
    }
}
