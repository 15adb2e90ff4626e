//! Addresses: each has one owner, lies where it must, and can be a host's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Findings;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawNetwork, RawSpec, Text};

/// Reports clashes, addresses outside their network and addresses that no host can have.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let Some(network) = &spec.network else { return };
    let owners = owners(spec, network);
    let pools = pools(network);
    let mut first: BTreeMap<IpAddr, &Owner<'_>> = BTreeMap::new();
    for owner in &owners {
        match first.get(&owner.address) {
            Some(earlier) => clash(earlier, owner, findings),
            None => {
                first.insert(owner.address, owner);
            }
        }
        for (pool, text) in &pools {
            inside_pool(owner, pool, text, findings);
        }
    }
    if let Some(nodes) = network.nodes.as_ref().and_then(parsed_network) {
        for owner in &owners {
            belongs(owner, nodes, network, findings);
        }
    }
    named_addresses(network, &pools, findings);
}

struct Owner<'a> {
    address: IpAddr,
    text: &'a Text,
    kind: Kind,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gateway,
    Vip,
    Node,
    Reserved,
    Named,
}

fn owners<'a>(spec: &'a RawSpec, network: &'a RawNetwork) -> Vec<Owner<'a>> {
    let mut owners = Vec::new();
    let mut add = |text: Option<&'a Text>, kind, name: String| {
        let address = text.and_then(|text| Some((text, text.value.parse().ok()?)));
        owners.extend(address.map(|(text, address)| Owner {
            address,
            text,
            kind,
            name,
        }));
    };
    add(
        network.gateway.as_ref(),
        Kind::Gateway,
        "the gateway".to_owned(),
    );
    let vip = spec
        .control_plane
        .as_ref()
        .and_then(|control_plane| control_plane.vip.as_ref());
    let vip = vip.and_then(|vip| vip.value.address.as_ref());
    add(vip, Kind::Vip, "the virtual IP".to_owned());
    for node in &spec.nodes {
        let name = node.name.as_ref().map_or("a node", |name| &name.value);
        add(
            node.address.as_ref(),
            Kind::Node,
            format!("the node `{name}`"),
        );
    }
    for (name, text) in &network.reserved {
        add(Some(text), Kind::Reserved, format!("`{name}`"));
    }
    for (name, text) in network
        .load_balancer
        .iter()
        .flat_map(|balancer| &balancer.addresses)
    {
        add(
            Some(text),
            Kind::Named,
            format!("the load balancer address `{name}`"),
        );
    }
    owners
}

fn pools(network: &RawNetwork) -> Vec<(IpNet, &Text)> {
    let balancer = network.load_balancer.as_ref();
    let texts = balancer.into_iter().flat_map(|balancer| &balancer.pools);
    texts
        .filter_map(|text| Some((parsed_network(text)?, text)))
        .collect()
}

fn parsed_network(text: &Text) -> Option<IpNet> {
    text.value
        .parse::<IpNet>()
        .ok()
        .map(|network| network.trunc())
}

fn clash(first: &Owner<'_>, second: &Owner<'_>, findings: &mut Findings) {
    let message = format!(
        "{} and {} both have {}",
        first.name, second.name, second.address
    );
    let finding = Diagnostic::new(Code::AddressClash, second.text.span, message)
        .label(second.name.clone())
        .also(first.text.span, first.name.clone())
        .help("give each an address of its own");
    findings.add(finding);
}

fn inside_pool(owner: &Owner<'_>, pool: &IpNet, text: &Text, findings: &mut Findings) {
    if owner.kind == Kind::Named || !pool.contains(&owner.address) {
        return;
    }
    let message = format!(
        "{} has {}, which a load balancer pool gives away",
        owner.name, owner.address
    );
    let finding = Diagnostic::new(Code::AddressClash, owner.text.span, message)
        .label(owner.name.clone())
        .also(text.span, format!("{pool} is the pool"))
        .help("move the address out of the pool, or the pool away from it");
    findings.add(finding);
}

fn belongs(owner: &Owner<'_>, nodes: IpNet, network: &RawNetwork, findings: &mut Findings) {
    let code = match owner.kind {
        Kind::Vip => Code::VipOutsideNodeNetwork,
        Kind::Node | Kind::Gateway => Code::OutsideNodeNetwork,
        Kind::Reserved | Kind::Named => return,
    };
    if !nodes.contains(&owner.address) {
        let message = format!("{} has {}, outside {nodes}", owner.name, owner.address);
        let mut finding = Diagnostic::new(code, owner.text.span, message)
            .label(owner.name.clone())
            .help(format!(
                "choose an address inside {nodes}, or correct `network.nodes`"
            ));
        if let Some(text) = &network.nodes {
            finding = finding.also(text.span, "the nodes' network");
        }
        findings.add(finding);
    } else if let Some(why) = unusable(owner.address, nodes) {
        let message = format!("{} cannot have {}", owner.name, owner.address);
        let finding = Diagnostic::new(Code::UnusableAddress, owner.text.span, message)
            .label(why)
            .help("choose another address");
        findings.add(finding);
    }
}

fn unusable(address: IpAddr, network: IpNet) -> Option<&'static str> {
    let IpNet::V4(network) = network else {
        return (address == network.network()).then_some("the address of the network's routers");
    };
    if network.prefix_len() >= 31 {
        None
    } else if address == network.network() {
        Some("the address of the network itself")
    } else if address == network.broadcast() {
        Some("the network's broadcast address")
    } else {
        None
    }
}

fn named_addresses(network: &RawNetwork, pools: &[(IpNet, &Text)], findings: &mut Findings) {
    for (name, text) in network
        .load_balancer
        .iter()
        .flat_map(|balancer| &balancer.addresses)
    {
        let Some(address) = findings.address(text) else {
            continue;
        };
        if !pools.iter().any(|(pool, _)| pool.contains(&address)) {
            let message = format!("the load balancer address `{name}` is in no pool");
            let mut finding = Diagnostic::new(Code::OutsidePools, text.span, message);
            for (_, pool) in pools {
                finding = finding.also(pool.span, "a pool");
            }
            findings.add(finding);
        }
    }
    for text in network.reserved.values() {
        findings.address(text);
    }
}
