//! What the generator is told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::spec::cluster::{Cluster, DiskSelector, Distribution, Endpoint, Node, Registries, Role};

/// What the generator is told, as the options of `talosctl gen config` tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// For which machines.
    pub role: Role,
    /// The cluster's name.
    pub cluster_name: String,
    /// Where the Kubernetes API is.
    pub endpoint: Endpoint,
    /// The Kubernetes version, without a leading `v`.
    pub kubernetes: String,
    /// Further names and addresses in certificates.
    pub sans: Vec<String>,
    /// The DNS domain inside Kubernetes.
    pub dns_domain: String,
    /// Pod networks.
    pub pods: Vec<String>,
    /// Service networks.
    pub services: Vec<String>,
    /// The device to install on.
    pub install_disk: Option<String>,
    /// The image to install.
    pub install_image: Option<String>,
    /// Whether ordinary pods may run on control planes.
    pub schedulable: bool,
    /// Whether nodes find each other through the discovery service.
    pub discovery: bool,
    /// Whether nodes speak through KubeSpan.
    pub kube_span: bool,
    /// URLs of mirrors by the registry that they stand for.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Where the Kubernetes API listens, when that is not the usual port.
    pub api_port: Option<u16>,
    /// The manifest of a network plugin that takes the place of flannel.
    pub cni_manifest: Option<String>,
    /// Kernel arguments that the installer adds.
    pub extra_kernel_args: Vec<String>,
}

impl Options {
    /// Returns what the generator is told about a node.
    pub(crate) fn new(cluster: &Cluster, node: &Node, install_image: String) -> Self {
        let Distribution::Talos(talos) = &cluster.distribution;
        let texts = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect();
        Self {
            role: node.role,
            cluster_name: cluster.name.to_string(),
            endpoint: cluster.control_plane.endpoint.clone(),
            kubernetes: cluster.kubernetes.bare(),
            sans: names(cluster),
            dns_domain: cluster.network.cluster_domain.clone(),
            pods: texts(&cluster.network.pods),
            services: texts(&cluster.network.services),
            install_disk: match &node.disk {
                DiskSelector::Path(path) => Some(path.clone()),
                _ => None,
            },
            install_image: Some(install_image),
            schedulable: cluster.control_plane.schedulable,
            discovery: talos.discovery,
            kube_span: talos.kube_span,
            mirrors: plain_mirrors(&talos.registries),
            sysctls: node.settings.sysctls.clone(),
            api_port: None,
            cni_manifest: None,
            extra_kernel_args: Vec::new(),
        }
    }
}

/// Returns the URL of the Kubernetes API, always with the port: without one, Talos would take 443.
pub(crate) fn endpoint_url(endpoint: &Endpoint) -> String {
    let Endpoint { host, port } = endpoint;
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}

/// The generator knows no more of mirrors than their URLs; others are told apart beside it.
fn plain_mirrors(registries: &Registries) -> BTreeMap<String, Vec<String>> {
    let plain = registries
        .mirrors
        .iter()
        .filter(|(_, mirror)| mirror.is_plain());
    plain
        .map(|(host, mirror)| (host.clone(), mirror.endpoints.clone()))
        .collect()
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
    let more = cluster.control_plane.sans.iter();
    names.extend(
        more.filter(|name| !names.contains(name))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let own = |name: &String| {
        let address = name.parse::<IpAddr>();
        address.is_ok_and(|address| cluster.nodes.iter().any(|node| node.address == address))
    };
    names.retain(|name| !own(name));
    names
}
