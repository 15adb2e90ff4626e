//! What Talos' own generator makes, by contract: the pristine ground that every layer lies on.

mod v1_13;

use serde_json::Value;

use super::Contract;
use crate::spec::cluster::{Cluster, DiskSelector, Endpoint, Node, Role};

/// What the generator is told, as the options of `talosctl gen config` tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) role: Role,
    pub(crate) cluster_name: String,
    pub(crate) endpoint: String,
    /// Without a leading `v`.
    pub(crate) kubernetes: String,
    pub(crate) sans: Vec<String>,
    pub(crate) dns_domain: String,
    pub(crate) pods: Vec<String>,
    pub(crate) services: Vec<String>,
    pub(crate) install_disk: Option<String>,
    pub(crate) install_image: String,
    pub(crate) schedulable: bool,
}

/// Generates the documents of one role.
pub(crate) fn generate(contract: Contract, options: &Options) -> Vec<Value> {
    match contract {
        Contract::V1_13 => v1_13::generate(options),
    }
}

impl Options {
    /// Returns what the generator is told about a node.
    pub(super) fn new(cluster: &Cluster, node: &Node, install_image: String) -> Self {
        let texts = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect();
        Self {
            role: node.role,
            cluster_name: cluster.name.to_string(),
            endpoint: endpoint_url(&cluster.control_plane.endpoint),
            kubernetes: cluster.kubernetes.bare(),
            sans: names(cluster),
            dns_domain: cluster.network.cluster_domain.clone(),
            pods: texts(&cluster.network.pods),
            services: texts(&cluster.network.services),
            install_disk: match &node.disk {
                DiskSelector::Path(path) => Some(path.clone()),
                DiskSelector::Serial(_) | DiskSelector::Wwid(_) => None,
            },
            install_image,
            schedulable: cluster.control_plane.schedulable,
        }
    }
}

/// Always with the port: without one, Talos would take 443.
fn endpoint_url(endpoint: &Endpoint) -> String {
    let Endpoint { host, port } = endpoint;
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}

/// Names that machines do not find out by themselves: the endpoint and the virtual IP, unless it is
/// a node's own address.
fn names(cluster: &Cluster) -> Vec<String> {
    let mut names = vec![cluster.control_plane.endpoint.host.clone()];
    names.extend(
        cluster
            .control_plane
            .vip
            .as_ref()
            .map(|vip| vip.address.to_string()),
    );
    names.dedup();
    let own = |name: &String| {
        cluster
            .nodes
            .iter()
            .any(|node| node.address.to_string() == *name)
    };
    names.retain(|name| !own(name));
    names
}
