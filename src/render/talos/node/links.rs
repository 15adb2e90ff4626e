//! Links, addresses, routes, and the address that moves.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::render::talos::forms::document;
use crate::spec::cluster::{
    Addressing, Cluster, Links, NicSelector, Node, Role, Route, VipProvider,
};

/// The name that the node's link gets when the owner chose it by its hardware address: names that Linux
/// gives depend on slots and firmware. Further such links count on.
pub const LINK_ALIAS: &str = "net0";

/// Names of links, and the documents by which those found by hardware get theirs.
#[derive(Default)]
struct Names {
    aliases: Vec<Value>,
}

/// Returns the documents of all links.
pub(super) fn documents(cluster: &Cluster, node: &Node) -> Vec<Value> {
    let mut names = Names::default();
    let card = names.of(&node.nic);
    let mut documents = Vec::new();
    let link = carrier(&node.links, card, &mut names, &mut documents);
    let own = own_addressing(cluster, node);
    match documents.last_mut() {
        // The bond or bridge that was added last is the link itself.
        Some(carrier) => extend(carrier, &own),
        None => documents.push(linked("LinkConfig", &link, &json!({}), &own)),
    }
    for vlan in &node.links.vlans {
        let name = format!("{link}.{}", vlan.id);
        let content = json!({"vlanID": vlan.id, "parent": link});
        documents.push(linked("VLANConfig", &name, &content, &vlan.addressing));
        documents.extend(dhcp(&name, &vlan.addressing));
    }
    for other in &node.links.others {
        let name = names.of(&other.nic);
        documents.push(linked("LinkConfig", &name, &json!({}), &other.addressing));
        documents.extend(dhcp(&name, &other.addressing));
    }
    documents.extend(layer2_vip(cluster, node, &link));
    names.aliases.into_iter().chain(documents).collect()
}

impl Names {
    fn of(&mut self, nic: &NicSelector) -> String {
        match nic {
            NicSelector::Name(name) => name.clone(),
            NicSelector::Mac(mac) => {
                let name = format!("net{}", self.aliases.len());
                let matched = format!("mac(link.permanent_addr) == \"{mac}\"");
                let content = json!({"name": name, "selector": {"match": matched}});
                self.aliases.push(document("LinkAliasConfig", content));
                name
            }
        }
    }
}

/// Adds the bond and the bridge that lie on the card; returns the link that carries the addresses.
fn carrier(links: &Links, card: String, names: &mut Names, documents: &mut Vec<Value>) -> String {
    let mut link = card;
    if let Some(bond) = &links.bond {
        let mut members = vec![link.clone()];
        members.extend(bond.nics.iter().map(|nic| names.of(nic)));
        let content =
            json!({"name": bond.name, "links": members, "bondMode": bond.mode, "up": true});
        documents.push(document("BondConfig", content));
        link.clone_from(&bond.name);
    }
    if let Some(bridge) = &links.bridge {
        let content = json!({"name": bridge, "links": [link], "up": true});
        documents.push(document("BridgeConfig", content));
        link.clone_from(bridge);
    }
    link
}

/// The node's own address and the default route come first.
fn own_addressing(cluster: &Cluster, node: &Node) -> Addressing {
    let own = IpNet::new(node.address, cluster.network.nodes.prefix_len());
    let mut addresses: Vec<IpNet> = own.into_iter().collect();
    addresses.extend(&node.links.addresses);
    let default = cluster.network.gateway.map(|via| Route {
        to: None,
        via,
        metric: None,
    });
    let routes = default.into_iter().chain(node.links.routes.iter().cloned());
    Addressing {
        mtu: node.links.mtu,
        addresses,
        routes: routes.collect(),
        dhcp: false,
    }
}

fn linked(kind: &str, name: &str, content: &Value, addressing: &Addressing) -> Value {
    let mut link = document(kind, json!({"name": name}));
    for (key, value) in content.as_object().into_iter().flatten() {
        link[key] = value.clone();
    }
    link["up"] = json!(true);
    extend(&mut link, addressing);
    link
}

fn extend(link: &mut Value, addressing: &Addressing) {
    if let Some(mtu) = addressing.mtu {
        link["mtu"] = json!(mtu);
    }
    if !addressing.addresses.is_empty() {
        let addresses = addressing
            .addresses
            .iter()
            .map(|address| json!({"address": address}));
        link["addresses"] = addresses.collect();
    }
    if !addressing.routes.is_empty() {
        link["routes"] = addressing.routes.iter().map(route).collect();
    }
}

fn route(route: &Route) -> Value {
    let mut content = json!({});
    if let Some(to) = route.to {
        content["destination"] = json!(to);
    }
    content["gateway"] = json!(route.via);
    if let Some(metric) = route.metric {
        content["metric"] = json!(metric);
    }
    content
}

/// Any document about a link ends the default of asking on every link, so it must be said.
fn dhcp(link: &str, addressing: &Addressing) -> Option<Value> {
    addressing
        .dhcp
        .then(|| document("DHCPv4Config", json!({"name": link})))
}

/// Only for control planes, and only when Talos itself announces the address.
fn layer2_vip(cluster: &Cluster, node: &Node, link: &str) -> Option<Value> {
    let vip = cluster.control_plane.vip.as_ref()?;
    let wanted = vip.provider == VipProvider::Talos && node.role == Role::ControlPlane;
    wanted.then(|| {
        document(
            "Layer2VIPConfig",
            json!({"name": vip.address, "link": link}),
        )
    })
}

/// Where a node's own addresses are: in the node network and, when pods have both families, in the
/// networks of its addresses of the other family; but never the virtual IP, which would otherwise become
/// the address of whoever holds it first.
pub(super) fn own_subnets(cluster: &Cluster, node: &Node) -> Vec<String> {
    let nodes = cluster.network.nodes;
    let mut subnets = vec![nodes.to_string()];
    let is_v4 = |network: &IpNet| matches!(network.addr(), IpAddr::V4(_));
    if cluster.network.pods.len() > 1 {
        let others = node
            .links
            .addresses
            .iter()
            .filter(|address| is_v4(address) != is_v4(&nodes));
        subnets.extend(others.map(|address| address.trunc().to_string()));
    }
    if let Some(vip) = &cluster.control_plane.vip {
        subnets.push(format!("!{}", IpNet::from(vip.address)));
    }
    subnets.dedup();
    subnets
}
