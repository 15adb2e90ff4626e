//! What was found: the input of every decision, as plain values.
//!
//! Not answering is a finding like any other. Nothing here holds a secret.

use std::collections::BTreeMap;
use std::net::IpAddr;

use camino::Utf8PathBuf;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pending::Pending;
use crate::model::{MacAddress, NodeName, Version};
use crate::spec::Placeholder;

/// Everything that a bootstrap looks at before it decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Whether the files on disk are what the spec renders.
    pub tree: Tree,
    /// The encrypted bundle and the key that opens it.
    pub secrets: SecretsState,
    /// Each machine of the spec.
    pub nodes: BTreeMap<NodeName, NodeState>,
    /// The image that each machine would install itself from; machines that install none are left out.
    pub images: BTreeMap<NodeName, String>,
    /// What a preset left in the spec, unless the connection map stands in for it.
    pub placeholders: Vec<Placeholder>,
    /// The repository that the GitOps engine will read.
    pub git: Git,
    /// Whether something answers at the virtual IP; `None` when the cluster has none.
    pub vip: Option<VipState>,
}

/// Whether the files on disk are what the spec renders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tree {
    /// They are.
    Current,
    /// These are not.
    Stale(Vec<Utf8PathBuf>),
}

/// The encrypted bundle and the key that opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretsState {
    /// There is no bundle at this path.
    Missing(Utf8PathBuf),
    /// The bundle is open.
    #[serde(rename_all = "camelCase")]
    Open {
        /// SHA-256 of the Talos authority's public key, in base64.
        talos_ca: String,
        /// Encrypted files that the GitOps engine could not open.
        unreadable: Vec<Unreadable>,
        /// Encrypted files that components expect and that are not there.
        missing: Vec<Utf8PathBuf>,
        /// Whether an age key for the GitOps engine is at hand.
        age_key: bool,
        /// Whether credentials that read the repository are at hand, or none are needed.
        git_credentials: bool,
    },
}

/// An encrypted file that the GitOps engine could not open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The file.
    pub file: Utf8PathBuf,
    /// What is wrong with the file itself; `None` when the age key is not one of its recipients'.
    pub damage: Option<String>,
}

/// What one machine is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// It does not answer.
    Unreachable {
        /// What the attempt met.
        reason: String,
    },
    /// It waits for a configuration.
    Maintenance {
        /// The fingerprint of the certificate that it presented, as its console shows it.
        fingerprint: String,
        /// What it is made of.
        hardware: Hardware,
    },
    /// It runs with the secrets of another cluster.
    Foreign {
        /// Whose certificate it presented, as far as it can be told.
        identity: String,
    },
    /// It runs with this cluster's secrets.
    Ours(Running),
}

/// A machine that has this cluster's configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Its host name.
    pub hostname: String,
    /// Its stage, in Talos' words (`booting`, `running`, …).
    pub stage: String,
    /// Conditions that are not met yet, `name: reason`.
    pub unmet: Vec<String>,
    /// What it is made of.
    pub hardware: Hardware,
    /// Signs of etcd; workers show none.
    pub etcd: EtcdSigns,
    /// The last moment of the certificate that it showed.
    pub certificate: Option<Timestamp>,
    /// What applying its configuration again would change; `None` when nothing.
    pub pending: Option<Pending>,
}

/// What a machine is made of, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// The Talos release that it runs.
    pub version: Option<Version>,
    /// Its processor architecture, in Go's words.
    pub arch: Option<String>,
    /// Whether it has disks and can install and reboot.
    pub platform: Platform,
    /// Main memory in MiB.
    pub memory: Option<u64>,
    /// The mainboard's UUID.
    pub uuid: Option<String>,
    /// Its disks.
    pub disks: Vec<Disk>,
    /// Its network cards.
    pub links: Vec<Link>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// The routers that lead it out of its network now.
    pub gateways: Vec<IpAddr>,
    /// The name servers that it asks now.
    pub resolvers: Vec<IpAddr>,
    /// Whether its clock is synchronised; `None` when it does not tell.
    pub time_synced: Option<bool>,
    /// By how many seconds its clock is ahead of this computer's.
    pub clock_offset: Option<i64>,
}

/// What a machine can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// A machine with disks.
    #[default]
    Metal,
    /// Talos in a container: no disk, no installation, no reboot.
    Container,
}

/// One disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// `/dev/…`.
    pub path: String,
    /// The serial number.
    pub serial: String,
    /// The world-wide identifier.
    pub wwid: String,
    /// The size in bytes.
    pub size: u64,
    /// The model.
    pub model: String,
    /// How it is attached: `nvme`, `sata`, `usb`, …
    pub transport: String,
    /// Where it is attached.
    pub bus_path: String,
    /// Whether it has platters.
    pub rotational: bool,
    /// Its stable names, such as `/dev/disk/by-id/…`.
    pub symlinks: Vec<String>,
    /// Whether it can be written.
    pub readonly: bool,
    /// Whether it is an optical drive.
    pub cdrom: bool,
    /// What it holds: partitions and file systems, in words.
    pub holds: Vec<String>,
}

/// One network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Its name in Linux.
    pub name: String,
    /// Its hardware address.
    pub mac: Option<MacAddress>,
    /// Whether it carries a signal.
    pub up: bool,
}

/// One address of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// The address with the length of its network's prefix.
    pub network: IpNet,
    /// The network card that carries it.
    pub link: String,
}

/// What the name of a member without a vote ends with.
pub const LEARNER: &str = " (learner)";

/// Returns a member's host name, and whether it has no vote yet.
pub(super) fn member(text: &str) -> (&str, bool) {
    match text.strip_suffix(LEARNER) {
        Some(name) => (name, true),
        None => (text, false),
    }
}

/// Signs of etcd on one control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EtcdSigns {
    /// The service is not there yet: the machine still boots, or is a worker.
    Absent,
    /// The service waits for a bootstrap or for a cluster to join, and knows no member.
    Waiting,
    /// The service runs.
    #[serde(rename_all = "camelCase")]
    Alive {
        /// Whether it says that it is healthy.
        healthy: bool,
        /// Members that it knows, by host name, in order; a learner's name ends with [`LEARNER`].
        members: Vec<String>,
    },
    /// It could not be told.
    Unclear {
        /// What was seen.
        reason: String,
    },
}

/// The repository that the GitOps engine will read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Git {
    /// The branch is at the commit that holds this tree.
    Holds {
        /// The commit.
        revision: String,
    },
    /// The branch is elsewhere.
    Elsewhere {
        /// The branch's commit; `None` when the branch does not exist.
        remote: Option<String>,
        /// The commit that holds this tree.
        local: String,
    },
    /// The working tree has changes that no commit holds.
    Uncommitted {
        /// How many paths.
        paths: usize,
    },
    /// There is no local commit to compare with.
    NoCommit {
        /// Why.
        reason: String,
    },
    /// The remote did not answer.
    Unreachable {
        /// What the attempt met.
        reason: String,
    },
}

/// What is at the virtual IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VipState {
    /// The address.
    pub address: IpAddr,
    /// What a probe met.
    pub probe: VipProbe,
}

/// What a probe of the virtual IP met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VipProbe {
    /// Nothing answers.
    Silent,
    /// This cluster's Kubernetes API answers.
    Ours,
    /// Something else answers.
    Taken,
    /// It cannot be told.
    Unknown,
}

impl Observed {
    /// Returns the state of one node; a node that nobody asked counts as unreachable.
    pub fn node(&self, name: &NodeName) -> NodeState {
        self.nodes
            .get(name)
            .cloned()
            .unwrap_or_else(|| NodeState::Unreachable {
                reason: "not asked".to_owned(),
            })
    }
}

impl NodeState {
    /// Returns what the machine is made of, when it told.
    pub fn hardware(&self) -> Option<&Hardware> {
        match self {
            Self::Maintenance { hardware, .. } => Some(hardware),
            Self::Ours(running) => Some(&running.hardware),
            Self::Unreachable { .. } | Self::Foreign { .. } => None,
        }
    }
}
