//! What is particular to one machine: name, links, addresses, resolvers, time, disks, settings.
//!
//! Everything is written as documents of the newest contract; the [table of forms](super::forms) moves
//! what the node's own contract has no document for.

mod disks;
mod links;
mod registries;
mod settings;

use serde_json::{Value, json};

use super::forms::{document, lowered};
use super::{Contract, base};
use crate::spec::cluster::{Cluster, DiskSelector, Node, Role};

pub use links::LINK_ALIAS;

/// Returns what belongs to one machine, as a patch in the form of a contract.
pub(super) fn documents(
    contract: Contract,
    cluster: &Cluster,
    node: &Node,
    image: &str,
) -> Vec<Value> {
    let mut documents = Vec::new();
    documents.extend(unattended_install(contract, node, image));
    documents.extend(no_pod_network(cluster, node));
    documents.push(kubernetes_node(cluster, node));
    documents.push(hostname(node));
    documents.extend(links::documents(cluster, node));
    documents.extend(resolvers(cluster));
    documents.extend(time_sync(cluster));
    documents.extend(registries::documents(cluster));
    documents.extend(settings::documents(node));
    documents.extend(disks::documents(node));
    lowered(contract, v1alpha1(contract, cluster, node), documents)
}

/// What no contract has a document for.
fn v1alpha1(contract: Contract, cluster: &Cluster, node: &Node) -> Value {
    // Keys without a value keep the order of people's habit for what is moved in.
    let mut patch = json!({"machine": {"install": null, "kubelet": null}, "cluster": {}});
    if contract < Contract::V1_14 && !matches!(node.disk, DiskSelector::Path(_)) {
        patch["machine"]["install"] = json!({"diskSelector": disks::install_selector(&node.disk)});
    }
    let files = settings::variable_files(node);
    if !files.is_empty() {
        patch["machine"]["files"] = json!(files);
    }
    if node.role == Role::ControlPlane {
        patch["cluster"]["etcd"] = json!({"advertisedSubnets": links::own_subnets(cluster, node)});
    }
    patch
}

/// The generator itself takes a path; it knows no other way to find a disk.
fn unattended_install(contract: Contract, node: &Node, image: &str) -> Option<Value> {
    let wanted = contract >= Contract::V1_14 && !matches!(node.disk, DiskSelector::Path(_));
    wanted.then(|| {
        let install = base::unattended_install(Some(image), &disks::expression(&node.disk));
        document("UnattendedInstallConfig", install)
    })
}

fn kubernetes_node(cluster: &Cluster, node: &Node) -> Value {
    let mut content = json!({"nodeIP": {"validSubnets": links::own_subnets(cluster, node)}});
    for (key, entries) in [
        ("labels", &node.labels),
        ("annotations", &node.settings.annotations),
        ("taints", &node.settings.taints),
    ] {
        if !entries.is_empty() {
            content[key] = json!(entries);
        }
    }
    document("KubeNodeConfig", content)
}

/// Only control planes are told of the pod network; to do without flannel is to remove it.
fn no_pod_network(cluster: &Cluster, node: &Node) -> Option<Value> {
    let wanted = cluster.network.without_cni && node.role == Role::ControlPlane;
    wanted.then(|| document("KubeFlannelCNIConfig", json!({"$patch": "delete"})))
}

/// Without `auto: off` beside a name Talos refuses the document.
fn hostname(node: &Node) -> Value {
    document(
        "HostnameConfig",
        json!({"auto": "off", "hostname": node.name.as_str()}),
    )
}

fn resolvers(cluster: &Cluster) -> Option<Value> {
    let servers = &cluster.network.nameservers;
    let nameservers: Vec<_> = servers
        .iter()
        .map(|address| json!({"address": address}))
        .collect();
    (!nameservers.is_empty())
        .then(|| document("ResolverConfig", json!({"nameservers": nameservers})))
}

fn time_sync(cluster: &Cluster) -> Option<Value> {
    let servers = &cluster.network.time_servers;
    (!servers.is_empty()).then(|| document("TimeSyncConfig", json!({"ntp": {"servers": servers}})))
}
