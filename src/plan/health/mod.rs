//! How a cluster is: what was found, against what the spec says, as values.
//!
//! What differs becomes findings, each with a likely cause and a command; the same table of
//! symptoms explains them that explains waits.

mod findings;
mod votes;

use std::collections::BTreeMap;
use std::net::IpAddr;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::Serialize;

pub use findings::Finding;
pub use votes::Votes;

use super::observed::NodeState;
use crate::model::NodeName;

/// How a cluster is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The cluster.
    pub cluster: NodeName,
    /// When it was looked at.
    pub at: Timestamp,
    /// The machines of the spec as they answered.
    pub nodes: BTreeMap<NodeName, NodeState>,
    /// The Kubernetes API.
    pub kubernetes: Kubernetes,
    /// The virtual IP; `None` when the cluster has none.
    pub vip: Option<VipHolder>,
    /// Certificates that end one day.
    pub certificates: Vec<Expiry>,
}

/// What the Kubernetes API told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kubernetes {
    /// It could not be asked.
    Silent {
        /// Why.
        reason: String,
    },
    /// It answered.
    Answers {
        /// Its nodes, by name.
        nodes: BTreeMap<String, KubernetesNode>,
        /// The objects of the GitOps engine.
        gitops: Vec<GitOpsState>,
    },
}

/// A node as Kubernetes sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesNode {
    /// The kubelet's version.
    pub version: String,
    /// What keeps it from being ready; `None` when it is.
    pub unready: Option<String>,
    /// Whether no new pods are placed on it.
    pub cordoned: bool,
}

/// An object of the GitOps engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GitOpsState {
    /// Kind, namespace and name, in words.
    pub object: String,
    /// The revision that it stands for, where it has one.
    pub revision: Option<String>,
    /// What its controller says while it is not ready; `None` when it is.
    pub unready: Option<String>,
    /// The file of the repository that it comes from, as far as that is known.
    pub file: Option<Utf8PathBuf>,
    /// What its controller warned of last while it is not ready, beyond that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// Who has the virtual IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VipHolder {
    /// The address.
    pub address: IpAddr,
    /// The machines that have it; one when all is well.
    pub holders: Vec<NodeName>,
}

/// A certificate and its last moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expiry {
    /// Which.
    pub what: String,
    /// Its last moment.
    pub until: Timestamp,
    /// Who makes the next one.
    pub renewal: Renewal,
}

/// Who makes the next certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// The machine itself, halfway through.
    Machine,
    /// Whoever asks for the file again.
    Fetch,
    /// Somebody who plans it: everything else is signed with it.
    Rotation,
}

/// The state of the whole, and how a look at it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing differs.
    Healthy,
    /// Something differs from what should be.
    Differs,
    /// No control plane answers.
    Unreachable,
}
