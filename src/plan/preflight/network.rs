//! What is around the machines: cards, addresses, gateway and name servers, the virtual IP.

use std::net::IpAddr;

use super::super::observed::{Hardware, Link, Observed, VipProbe};
use super::super::refusal::{Fence, Refusal};
use super::Findings;
use crate::spec::cluster::{Cluster, NicSelector, Node};

pub(super) fn check(cluster: &Cluster, node: &Node, hardware: &Hardware, findings: &mut Findings) {
    if !hardware.links.is_empty() {
        check_card(node, hardware, findings);
    }
    check_address(cluster, node, hardware, findings);
    check_way_out(cluster, node, hardware, findings);
}

fn check_card(node: &Node, hardware: &Hardware, findings: &mut Findings) {
    let (name, wanted) = (&node.name, nic_text(&node.nic));
    match card(node, hardware) {
        None => findings.refusals.push(
            Refusal::new(
                Fence::HardwareMismatch,
                format!(
                    "`{name}` has no network card {wanted}; it has {}",
                    links(hardware)
                ),
                "correct `nic` of the node in homelab.yaml",
            )
            .on(name),
        ),
        Some(link) if !link.up => findings
            .warnings
            .push(format!("network card {wanted} of `{name}` has no signal")),
        Some(_) => {}
    }
}

/// In maintenance mode a machine has whatever the router gave it; its configuration may move it.
fn check_address(cluster: &Cluster, node: &Node, hardware: &Hardware, findings: &mut Findings) {
    let (name, wanted) = (&node.name, node.address);
    if hardware.addresses.is_empty() {
        return;
    }
    let Some(present) = hardware
        .addresses
        .iter()
        .find(|address| address.network.addr() == wanted)
    else {
        let now: Vec<_> = hardware
            .addresses
            .iter()
            .map(|address| address.network.addr())
            .filter(|address| !address.is_loopback())
            .map(|address| address.to_string())
            .collect();
        findings.warnings.push(format!(
            "the address of `{name}` will change: it is at {} now and will be at {wanted}",
            now.join(", ")
        ));
        return;
    };
    let length = cluster.network.nodes.prefix_len();
    if present.network.prefix_len() != length {
        findings.warnings.push(format!(
            "`{name}` is in a /{} now, `network.nodes` is a /{length}",
            present.network.prefix_len()
        ));
    }
    if let Some(card) = card(node, hardware).filter(|card| card.name != present.link) {
        findings.warnings.push(format!(
            "{wanted} is on network card `{}` of `{name}` now and moves to `{}`",
            present.link, card.name
        ));
    }
}

/// What the router told the machine is known to work; what the spec says instead may be a slip.
fn check_way_out(cluster: &Cluster, node: &Node, hardware: &Hardware, findings: &mut Findings) {
    let name = &node.name;
    let network = &cluster.network;
    if let Some(gateway) = network.gateway
        && !hardware.gateways.is_empty()
        && !hardware.gateways.contains(&gateway)
    {
        findings.warnings.push(format!(
            "`{name}` reaches the internet through {} now, `network.gateway` is {gateway}",
            list(&hardware.gateways)
        ));
    }
    let known = |server: &IpAddr| hardware.resolvers.contains(server);
    if !hardware.resolvers.is_empty()
        && !network.nameservers.is_empty()
        && !network.nameservers.iter().any(known)
    {
        findings.warnings.push(format!(
            "`{name}` asks the name servers {} now, `network.nameservers` are {}",
            list(&hardware.resolvers),
            list(&network.nameservers)
        ));
    }
}

fn list(addresses: &[IpAddr]) -> String {
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

fn nic_text(nic: &NicSelector) -> String {
    match nic {
        NicSelector::Mac(mac) => format!("`{mac}`"),
        NicSelector::Name(name) => format!("`{name}`"),
    }
}

fn links(hardware: &Hardware) -> String {
    let described: Vec<_> = hardware
        .links
        .iter()
        .map(|link| match link.mac {
            Some(mac) => format!("`{}` ({mac})", link.name),
            None => format!("`{}`", link.name),
        })
        .collect();
    described.join(", ")
}

/// The card that the spec means.
fn card<'a>(node: &Node, hardware: &'a Hardware) -> Option<&'a Link> {
    hardware.links.iter().find(|link| match &node.nic {
        NicSelector::Mac(mac) => link.mac == Some(*mac),
        NicSelector::Name(name) => link.name == *name,
    })
}

pub(super) fn check_vip(observed: &Observed, findings: &mut Findings) {
    let Some(vip) = &observed.vip else { return };
    match vip.probe {
        VipProbe::Silent | VipProbe::Ours => {}
        VipProbe::Unknown => findings.warnings.push(format!(
            "unknown whether the virtual IP {} is free: nothing answers there, and this computer is not in its network",
            vip.address
        )),
        VipProbe::Taken => findings.refusals.push(Refusal::new(
            Fence::VipTaken,
            format!(
                "something that is not this cluster answers at the virtual IP {}",
                vip.address
            ),
            "free the address or choose another in homelab.yaml",
        )),
    }
}
