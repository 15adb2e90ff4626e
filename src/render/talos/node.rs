//! What is particular to one machine: name, link, addresses, resolvers, time, disk, subnets.

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::spec::cluster::{Cluster, DiskSelector, NicSelector, Node, Role, VipProvider};

/// The name that a link gets which the owner chose by its hardware address: names that Linux gives
/// depend on slots and firmware.
pub const LINK_ALIAS: &str = "net0";

/// Returns the documents and the part of the `v1alpha1` document that belong to one machine, as
/// a patch in the form of Talos 1.12 and later.
pub(super) fn documents(cluster: &Cluster, node: &Node) -> Vec<Value> {
    let mut documents = vec![v1alpha1(cluster, node), hostname(node)];
    documents.extend(link_alias(node));
    documents.push(link(cluster, node));
    documents.extend(layer2_vip(cluster, node));
    documents.extend(resolvers(cluster));
    documents.extend(time_sync(cluster));
    documents
}

fn v1alpha1(cluster: &Cluster, node: &Node) -> Value {
    let subnets = own_subnets(cluster);
    let mut patch = json!({"machine": {"kubelet": {"nodeIP": {"validSubnets": subnets}}}});
    match &node.disk {
        DiskSelector::Serial(serial) => {
            patch["machine"]["install"] = json!({"diskSelector": {"serial": serial}});
        }
        DiskSelector::Wwid(wwid) => {
            patch["machine"]["install"] = json!({"diskSelector": {"wwid": wwid}});
        }
        // The generator itself takes a path.
        DiskSelector::Path(_) => {}
    }
    if !node.labels.is_empty() {
        patch["machine"]["nodeLabels"] = json!(node.labels);
    }
    if node.role == Role::ControlPlane {
        patch["cluster"] = json!({"etcd": {"advertisedSubnets": subnets}});
    }
    patch
}

/// Where a node's own addresses are: in the node network, but never the virtual IP, which would
/// otherwise become the address of whoever holds it first.
fn own_subnets(cluster: &Cluster) -> Vec<String> {
    let mut subnets = vec![cluster.network.nodes.to_string()];
    if let Some(vip) = &cluster.control_plane.vip {
        subnets.push(format!("!{}", IpNet::from(vip.address)));
    }
    subnets
}

/// Without `auto: off` beside a name Talos refuses the document.
fn hostname(node: &Node) -> Value {
    json!({
        "apiVersion": "v1alpha1",
        "kind": "HostnameConfig",
        "auto": "off",
        "hostname": node.name.as_str(),
    })
}

fn link_alias(node: &Node) -> Option<Value> {
    let NicSelector::Mac(mac) = &node.nic else {
        return None;
    };
    Some(json!({
        "apiVersion": "v1alpha1",
        "kind": "LinkAliasConfig",
        "name": LINK_ALIAS,
        "selector": {"match": format!("mac(link.permanent_addr) == \"{mac}\"")},
    }))
}

fn link_name(node: &Node) -> &str {
    match &node.nic {
        NicSelector::Mac(_) => LINK_ALIAS,
        NicSelector::Name(name) => name,
    }
}

fn link(cluster: &Cluster, node: &Node) -> Value {
    let prefix = cluster.network.nodes.prefix_len();
    let mut link = json!({
        "apiVersion": "v1alpha1",
        "kind": "LinkConfig",
        "name": link_name(node),
        "up": true,
        "addresses": [{"address": format!("{}/{prefix}", node.address)}],
    });
    if let Some(gateway) = cluster.network.gateway {
        link["routes"] = json!([{"gateway": gateway}]);
    }
    link
}

/// Only for control planes, and only when Talos itself announces the address.
fn layer2_vip(cluster: &Cluster, node: &Node) -> Option<Value> {
    let vip = cluster.control_plane.vip.as_ref()?;
    let wanted = vip.provider == VipProvider::Talos && node.role == Role::ControlPlane;
    wanted.then(|| {
        json!({
            "apiVersion": "v1alpha1",
            "kind": "Layer2VIPConfig",
            "name": vip.address,
            "link": link_name(node),
        })
    })
}

fn resolvers(cluster: &Cluster) -> Option<Value> {
    let servers = &cluster.network.nameservers;
    let nameservers: Vec<_> = servers
        .iter()
        .map(|address| json!({"address": address}))
        .collect();
    (!nameservers.is_empty()).then(
        || json!({"apiVersion": "v1alpha1", "kind": "ResolverConfig", "nameservers": nameservers}),
    )
}

fn time_sync(cluster: &Cluster) -> Option<Value> {
    let servers = &cluster.network.time_servers;
    (!servers.is_empty()).then(
        || json!({"apiVersion": "v1alpha1", "kind": "TimeSyncConfig", "ntp": {"servers": servers}}),
    )
}
