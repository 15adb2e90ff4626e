//! Why a run stops before it changes anything, and the safe way on.

use serde::Serialize;

use crate::model::NodeName;

/// One reason not to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Which fence refused.
    pub fence: Fence,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// What was found.
    pub message: String,
    /// What to do about it, an imperative sentence.
    pub remedy: String,
}

/// The fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// The files on disk are not what the spec renders.
    TreeStale,
    /// A machine's configuration differs on a cluster that already runs.
    ConfigurationDiffers,
    /// There is no secrets bundle.
    BundleMissing,
    /// The age key does not open what the GitOps engine must read.
    KeyMismatch,
    /// A secret that a component expects is not there.
    SecretMissing,
    /// There are no credentials that read the repository.
    GitCredentialsMissing,
    /// Every control plane is silent.
    ClusterUnreachable,
    /// One control plane is silent while nothing shows that etcd exists.
    ControlPlaneUnreachable,
    /// A machine runs with another cluster's secrets.
    ForeignIdentity,
    /// A machine answers under another node's name.
    WrongNode,
    /// No disk, or more than one, matches the spec.
    DiskSelection,
    /// The disk holds something.
    DiskInUse,
    /// The machine is not what the spec says.
    HardwareMismatch,
    /// Two machines have one UUID.
    DuplicateMachine,
    /// Something else answers at the virtual IP.
    VipTaken,
    /// The Git remote does not hold this tree.
    GitBehind,
    /// A value of the spec is still the preset's.
    Placeholder,
    /// The installer image is not a reference to one.
    InstallerImage,
    /// A machine's clock and this computer's differ.
    ClockSkew,
    /// A control plane that was left out lives and holds an etcd.
    LeftOutAlive,
    /// There is more than one etcd.
    EtcdSplit,
    /// etcd exists but its state cannot be told.
    EtcdUnclear,
    /// Another operator is at work.
    OperatorBusy,
    /// There is no cluster yet that could be changed.
    NotBootstrapped,
    /// A machine that would be changed does not answer.
    MachineUnreachable,
    /// Something would change that a cluster keeps for life.
    IdentityField,
    /// Kubernetes would go to another minor release.
    KubernetesUpgrade,
    /// Etcd would lose its quorum.
    Quorum,
}

/// How the process ends because of a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something differs from what should be: exit code 4.
    Differs,
    /// Nothing answers: exit code 5.
    Unreachable,
    /// A fence refused: exit code 6.
    Refused,
}

impl Severity {
    /// Returns how the process ends because of these; `None` when there are none. Where nobody
    /// answers, what else was found says little: it may come from the same cut cable.
    pub fn of(refusals: &[Refusal]) -> Option<Self> {
        let severities = || refusals.iter().map(|refusal| refusal.fence.severity());
        let nobody = severities().find(|it| *it == Self::Unreachable);
        nobody.or_else(|| severities().max())
    }
}

impl Fence {
    /// Returns how the process ends.
    pub fn severity(self) -> Severity {
        match self {
            Self::TreeStale | Self::ConfigurationDiffers => Severity::Differs,
            Self::ClusterUnreachable => Severity::Unreachable,
            _ => Severity::Refused,
        }
    }
}

impl Refusal {
    /// Makes a refusal that is about no single node.
    pub fn new(fence: Fence, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            fence,
            node: None,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Names the node that it is about.
    #[must_use]
    pub fn on(mut self, node: &NodeName) -> Self {
        self.node = Some(node.clone());
        self
    }
}
