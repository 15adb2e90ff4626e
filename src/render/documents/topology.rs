//! Machines and addresses.

use std::fmt::Write as _;

use super::markdown::{list, table};
use crate::render::talos;
use crate::spec::Cluster;
use crate::spec::cluster::{DiskSelector, LoadBalancerMode, NicSelector, Node, Role, VipProvider};

/// Returns the picture: who reaches the API through what.
pub(super) fn picture(cluster: &Cluster) -> String {
    let mut text = String::from("```mermaid\ngraph TD\n");
    let mut line = |it: String| writeln!(text, "    {it}").expect("writing to a string");
    let endpoint = &cluster.control_plane.endpoint;
    line("clients[\"kubectl, Flux, nodes\"]".to_owned());
    let api = match &cluster.control_plane.vip {
        Some(vip) => format!("virtual IP {}<br/>{}", vip.address, announcer(vip.provider)),
        None => format!("{}:{}", endpoint.host, endpoint.port),
    };
    line(format!("clients --> api[\"{api}\"]"));
    for (number, node) in cluster.nodes.iter().enumerate() {
        let id = format!("node{}", number + 1);
        line(format!(
            "{id}[\"{}<br/>{}<br/>{}\"]",
            node.name,
            node.address,
            role(cluster, node)
        ));
        match node.role {
            Role::ControlPlane => {
                line(format!("api --> {id}"));
                line(format!("{id} --- etcd[(etcd)]"));
            }
            Role::Worker => line(format!("{id} --> api")),
        }
    }
    if let Some(balancer) = &cluster.network.load_balancer {
        line(format!(
            "services[\"LoadBalancer addresses<br/>{}\"]",
            list(&balancer.pools)
        ));
        line("lab[\"the rest of the network\"] --> services".to_owned());
    }
    text + "```\n"
}

fn announcer(provider: VipProvider) -> &'static str {
    match provider {
        VipProvider::KubeVip => "announced by kube-vip",
        VipProvider::Talos => "announced by Talos",
    }
}

fn role(cluster: &Cluster, node: &Node) -> &'static str {
    match (node.role, cluster.control_plane.schedulable) {
        (Role::ControlPlane, true) => "control plane and worker",
        (Role::ControlPlane, false) => "control plane",
        (Role::Worker, _) => "worker",
    }
}

/// Returns the table of machines.
pub(super) fn nodes(cluster: &Cluster) -> String {
    let rows: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| {
            let file = talos::path(node);
            [
                node.name.to_string(),
                role(cluster, node).to_owned(),
                node.address.to_string(),
                nic(node),
                disk(node),
                serde_json::to_value(node.arch)
                    .ok()
                    .and_then(|arch| arch.as_str().map(str::to_owned))
                    .unwrap_or_default(),
                format!("[{}](../{file})", file.file_name().unwrap_or_default()),
            ]
        })
        .collect();
    let head = [
        "Node",
        "Role",
        "Address",
        "Network card",
        "Disk",
        "Architecture",
        "Configuration",
    ];
    table(head, &rows)
}

fn nic(node: &Node) -> String {
    match &node.nic {
        NicSelector::Mac(mac) => format!("`{mac}`"),
        NicSelector::Name(name) => format!("`{name}`"),
    }
}

fn disk(node: &Node) -> String {
    match &node.disk {
        DiskSelector::Path(path) => format!("`{path}`"),
        other => other.to_string(),
    }
}

/// Returns the table of addresses.
pub(super) fn addresses(cluster: &Cluster) -> String {
    let network = &cluster.network;
    let mut rows = Vec::new();
    let mut add = |what: &str, value: String| {
        if !value.is_empty() {
            rows.push([what.to_owned(), value]);
        }
    };
    add("Network of the nodes", network.nodes.to_string());
    add("Gateway", list(network.gateway));
    if let Some(vip) = &cluster.control_plane.vip {
        add("Virtual IP of the Kubernetes API", vip.address.to_string());
    }
    let endpoint = &cluster.control_plane.endpoint;
    let host = if endpoint.host.contains(':') {
        format!("[{}]", endpoint.host)
    } else {
        endpoint.host.clone()
    };
    add(
        "Kubernetes API",
        format!("`https://{host}:{}`", endpoint.port),
    );
    for node in &cluster.nodes {
        add(&format!("Node {}", node.name), node.address.to_string());
    }
    if let Some(balancer) = &network.load_balancer {
        let mode = match balancer.mode {
            LoadBalancerMode::L2 => "announced on the local network",
            LoadBalancerMode::Bgp => "announced to the router by BGP",
        };
        add(
            "LoadBalancer services",
            format!("{} ({mode})", list(&balancer.pools)),
        );
    }
    add("Pods", list(&network.pods));
    add("Services", list(&network.services));
    add("DNS servers", list(&network.nameservers));
    add("Time servers", list(&network.time_servers));
    add("DNS domain of the lab", list(&network.domain));
    add("DNS domain of the cluster", network.cluster_domain.clone());
    table(["What", "Address"], &rows)
}
