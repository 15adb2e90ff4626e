//! Networks and addresses.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::{OneOrMany, Spanned};

/// Networks and addresses.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawNetwork {
    /// The network that the nodes' addresses are in.
    #[schemars(required, example = &"192.168.1.0/24")]
    pub nodes: Option<Text>,
    /// The router that leads out of it.
    #[schemars(example = &"192.168.1.1")]
    pub gateway: Option<Text>,
    /// DNS servers of the nodes; the gateway unless you say otherwise.
    #[serde(default)]
    #[schemars(example = ["192.168.1.1"])]
    pub nameservers: Vec<Text>,
    /// Time servers of the nodes, as host names or addresses.
    #[serde(default)]
    #[schemars(example = ["time.cloudflare.com"])]
    pub time_servers: Vec<Text>,
    /// The pods' network; one per address family.
    #[schemars(example = &"10.42.0.0/16")]
    pub pods: Option<OneOrMany<Text>>,
    /// The network of Kubernetes Services; one per address family.
    #[schemars(example = &"10.43.0.0/16")]
    pub services: Option<OneOrMany<Text>>,
    /// The DNS domain of the lab itself.
    #[schemars(example = &"homelab.local")]
    pub domain: Option<Text>,
    /// The DNS domain inside Kubernetes; `cluster.local` unless you say otherwise.
    #[schemars(example = &"cluster.local")]
    pub cluster_domain: Option<Text>,
    /// The pod network: `flannel` (the distribution's own), `none` (you bring one), or a component;
    /// the component that provides one unless you say otherwise.
    #[schemars(example = &"cilium")]
    pub cni: Option<Text>,
    /// Addresses for Services of type LoadBalancer.
    pub load_balancer: Option<RawLoadBalancer>,
    /// Addresses in these networks that other things hold, so that nothing else takes them.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"nas": "192.168.1.20"}))]
    pub reserved: BTreeMap<String, Text>,
}

/// Addresses for Services of type LoadBalancer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawLoadBalancer {
    /// Address pools.
    #[serde(default)]
    #[schemars(required, length(min = 1, max = 64), example = ["192.168.1.240/28"])]
    pub pools: Vec<Text>,
    /// How the addresses become reachable; `l2` unless you say otherwise.
    #[schemars(example = &"l2")]
    pub mode: Option<Spanned<RawLoadBalancerMode>>,
    /// The routers that addresses are announced to, for `mode: bgp`.
    pub bgp: Option<Spanned<RawBgp>>,
    /// Addresses of the pools that have a name, such as those of gateways.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"internal-gateway": "192.168.1.241"}))]
    pub addresses: BTreeMap<String, Text>,
}

/// How LoadBalancer addresses become reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawLoadBalancerMode {
    /// A node answers ARP or NDP for the address.
    L2,
    /// Nodes announce the address to a router.
    Bgp,
}

/// The routers that LoadBalancer addresses are announced to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawBgp {
    /// The cluster's autonomous system number.
    #[serde(rename = "localASN")]
    #[schemars(required, example = 64512)]
    pub local_asn: Option<Spanned<u32>>,
    /// The routers.
    #[serde(default)]
    #[schemars(required, length(min = 1))]
    pub peers: Vec<RawBgpPeer>,
}

/// A router that speaks BGP.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawBgpPeer {
    /// Its address.
    #[schemars(required, example = &"192.168.1.1")]
    pub address: Option<Text>,
    /// Its autonomous system number.
    #[schemars(required, example = 64513)]
    pub asn: Option<Spanned<u32>>,
}
