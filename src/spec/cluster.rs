//! The valid, resolved cluster: what every later stage works from.
//!
//! A [`Cluster`] is only made by validation, so its readers need not check again: addresses are
//! inside their networks, names are unique, every component's needs are met, and components are
//! in dependency order. It holds no secret.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use camino::Utf8PathBuf;
use ipnet::IpNet;
use serde::Serialize;
use serde_json::{Map, Value};

pub use super::disk_traits::{DiskKind, DiskTraits, SizeBound};
pub use super::hardware::*;
pub use super::image::*;
pub use super::platform::Platform;
use crate::model::{MacAddress, NodeName, Version};
use crate::yaml::Node as Tree;

/// A cluster as its owner described it, checked and with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cluster {
    /// The cluster's name, an RFC 1123 label.
    pub name: NodeName,
    /// The Kubernetes version of every node.
    pub kubernetes: Version,
    /// The operating system and Kubernetes distribution of the nodes.
    pub distribution: Distribution,
    /// Networks and addresses.
    pub network: Network,
    /// How clients reach the Kubernetes API.
    pub control_plane: ControlPlane,
    /// The machines, in the order of the spec.
    pub nodes: Vec<Node>,
    /// The owner's own changes to machine configurations, by scope.
    pub patches: Patches,
    /// Who may open the encrypted files.
    pub secrets: Secrets,
    /// The engine that reconciles the cluster from Git, and the repository it reads.
    pub gitops: GitOps,
    /// Components in dependency order: each one after everything that it needs.
    pub components: Vec<SelectedComponent>,
    /// Applications in dependency order.
    pub apps: Vec<SelectedComponent>,
}

/// The operating system and Kubernetes distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Talos Linux.
    Talos(Talos),
}

/// What is particular to Talos Linux.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Talos {
    /// The release that nodes run; its contract decides the form of machine configurations.
    pub version: Version,
    /// The host of the Image Factory that makes images.
    pub factory: String,
    /// Whether nodes find each other through the discovery service.
    pub discovery: bool,
    /// Whether nodes speak to each other through a mesh of WireGuard.
    pub kube_span: bool,
    /// How nodes reach images of containers.
    pub registries: Registries,
}

/// Networks and addresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// The network that the nodes' addresses are in, without host bits.
    pub nodes: IpNet,
    /// The router that leads out of it.
    pub gateway: Option<IpAddr>,
    /// DNS servers of the nodes.
    pub nameservers: Vec<IpAddr>,
    /// Time servers of the nodes, as host names or addresses.
    pub time_servers: Vec<String>,
    /// Pod networks: one per address family.
    pub pods: Vec<IpNet>,
    /// Service networks: one per address family.
    pub services: Vec<IpNet>,
    /// The DNS domain of the lab itself, such as `homelab.local`.
    pub domain: Option<String>,
    /// The DNS domain inside Kubernetes, `cluster.local` unless the owner says otherwise.
    pub cluster_domain: String,
    /// Whether nothing installs a pod network, since the owner brings one.
    pub without_cni: bool,
    /// Addresses for Services of type LoadBalancer.
    pub load_balancer: Option<LoadBalancer>,
}

/// Addresses for Services of type LoadBalancer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadBalancer {
    /// Address pools.
    pub pools: Vec<IpNet>,
    /// How the addresses become reachable.
    pub mode: LoadBalancerMode,
}

/// How LoadBalancer addresses become reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadBalancerMode {
    /// A node answers ARP or NDP for the address.
    L2,
    /// Nodes announce the address to a router.
    Bgp,
}

/// How clients reach the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlPlane {
    /// Host and port of the Kubernetes API as clients see it: the virtual IP, an external
    /// balancer, or the first control plane.
    pub endpoint: Endpoint,
    /// The virtual IP, when there is one.
    pub vip: Option<Vip>,
    /// Whether ordinary pods may run on control planes.
    pub schedulable: bool,
    /// Further names and addresses in the certificates of machines and of the Kubernetes API.
    pub sans: Vec<String>,
}

/// A host (name or address) and a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// A DNS name or an IP address, IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// A virtual IP in front of the control planes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vip {
    /// The address.
    pub address: IpAddr,
    /// Who announces it.
    pub provider: VipProvider,
}

/// Who announces the virtual IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VipProvider {
    /// The kube-vip component.
    KubeVip,
    /// Talos itself.
    Talos,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Its host name, also in Kubernetes.
    pub name: NodeName,
    /// What it does.
    pub role: Role,
    /// The release of the distribution that it runs: that of the cluster but while it is upgraded.
    pub version: Version,
    /// Its fixed address, inside [`Network::nodes`].
    pub address: IpAddr,
    /// Its processor architecture.
    pub arch: Arch,
    /// The disk that the operating system is installed on.
    pub disk: DiskSelector,
    /// The network card that carries [`Node::address`].
    pub nic: NicSelector,
    /// How its links are arranged, beside the card and the address.
    pub links: Links,
    /// The image that it runs, without what components need.
    pub image: Image,
    /// Kubernetes labels.
    pub labels: BTreeMap<String, String>,
    /// How its system is set.
    pub settings: Settings,
    /// The owner's own changes to this node's configuration, after those of wider scopes.
    pub patches: Vec<Patch>,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs etcd and the Kubernetes API.
    ControlPlane,
    /// Runs workloads only.
    Worker,
}

/// Processor architectures, in Go's words as Kubernetes uses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// 64-bit x86.
    #[default]
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}

/// Which disk to install on; `Path` is unstable across reboots and draws a warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskSelector {
    /// The drive's serial number.
    Serial(String),
    /// The drive's world-wide identifier.
    Wwid(String),
    /// A device path.
    Path(String),
    /// The only disk with these traits.
    Traits(DiskTraits),
}

impl fmt::Display for DiskSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(serial) => write!(f, "serial `{serial}`"),
            Self::Wwid(wwid) => write!(f, "WWID `{wwid}`"),
            Self::Path(path) => write!(f, "path `{path}`"),
            Self::Traits(traits) => traits.fmt(f),
        }
    }
}

/// Which network card carries the node's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NicSelector {
    /// The card with this hardware address.
    Mac(MacAddress),
    /// The card with this name in Linux.
    Name(String),
}

/// Changes to machine configurations, by scope, widest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Patches {
    /// For every node.
    pub all: Vec<Patch>,
    /// For control planes.
    pub control_plane: Vec<Patch>,
    /// For workers.
    pub worker: Vec<Patch>,
}

/// One patch: a document of the node's contract or a part of the v1alpha1 one, to be merged; or a list of
/// operations (RFC 6902).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Patch {
    /// The patch's content: a mapping, or a list of operations.
    pub content: Value,
    /// The class that it belongs to, when it is neither a node's own nor one of a wider scope.
    pub class: Option<String>,
    /// The file it stands in; `homelab.yaml` when there is none.
    pub file: Option<Utf8PathBuf>,
    /// The line of that file, 1-based, for provenance.
    pub line: usize,
    /// The content with its places in that file.
    #[serde(skip)]
    pub tree: Arc<Tree>,
}

/// Who may open the encrypted files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Secrets {
    /// age recipients (`age1…`), as written.
    pub recipients: Vec<String>,
}

/// The GitOps engine and its repository.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitOps {
    /// Flux, installed by flux-operator.
    Flux(Flux),
}

/// Flux' view of the repository.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flux {
    /// The repository's URL as Flux reads it: `ssh://…` or `https://…`.
    pub url: String,
    /// The branch.
    pub branch: String,
    /// How Flux proves that it may read.
    pub auth: GitAuth,
}

/// How the GitOps engine proves that it may read the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitAuth {
    /// A deploy key.
    Ssh,
    /// A user name and a token.
    Token,
    /// The repository is public.
    None,
}

/// A component or application of the catalogue as this cluster uses it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelectedComponent {
    /// Its name in the catalogue.
    pub name: String,
    /// The pinned chart version; for components without a chart, the catalogue's own version.
    pub version: String,
    /// The chart's source when the owner redirected it (mirror, air gap).
    pub chart_url: Option<String>,
    /// Options, complete: the owner's over the catalogue's defaults.
    pub options: Map<String, Value>,
    /// Chart values that are merged over the catalogue's own.
    pub values: Map<String, Value>,
}

impl Cluster {
    /// Returns the control planes, sorted by name.
    pub fn control_planes(&self) -> Vec<&Node> {
        let mut nodes: Vec<_> = self
            .nodes
            .iter()
            .filter(|node| node.role == Role::ControlPlane)
            .collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }

    /// Returns the node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name.as_str() == name)
    }

    /// Returns the component of this name, if the cluster uses it.
    pub fn component(&self, name: &str) -> Option<&SelectedComponent> {
        self.components
            .iter()
            .find(|component| component.name == name)
    }
}
