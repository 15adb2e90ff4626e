//! How links are arranged: what a node takes from its class, and whether it can work.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Findings;
use super::nodes::{class_of, nic_selector};
use crate::spec::cluster::{Addressing, Bond, Link, Links, NicSelector, Route, Vlan};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{
    RawBond, RawBondMode, RawClass, RawLinks, RawNic, RawNode, RawRoute, RawSpec, Text,
};
use crate::yaml::{Span, Spanned};

/// The longest name of a link in Linux.
const LONGEST: usize = 15;

/// Reports links that cannot work, of classes once and not once for each of their nodes.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    for links in spec
        .classes
        .values()
        .filter_map(|class| class.links.as_ref())
    {
        check_links(links, findings);
    }
    for node in &spec.nodes {
        if let Some(links) = &node.links {
            check_links(links, findings);
        }
        check_cards(node, class_of(node, spec), findings);
        check_routers(node, class_of(node, spec), spec, findings);
    }
}

/// Arranges the links of a node; what it says takes the place of what its class says, key by key.
/// Nothing if a value cannot be read, which is reported by [`check`].
pub(super) fn links(node: &RawNode, class: Option<&RawClass>) -> Option<Links> {
    let raw = merged(node, class);
    let mut quiet = Findings::default();
    Some(Links {
        mtu: raw.mtu.map(|mtu| mtu.value),
        addresses: addresses(raw.addresses.as_deref().unwrap_or_default(), &mut quiet)?,
        routes: routes(raw.routes.as_deref().unwrap_or_default(), &mut quiet)?,
        bond: match &raw.bond {
            Some(raw) => Some(bond(raw, &mut quiet)?),
            None => None,
        },
        bridge: raw.bridge.map(|text| text.value),
        vlans: raw
            .vlans
            .iter()
            .flatten()
            .map(|raw| {
                let addressing = addressing(
                    raw.mtu.as_ref(),
                    &raw.addresses,
                    &raw.routes,
                    raw.dhcp.as_ref(),
                );
                Some(Vlan {
                    id: raw.id.as_ref()?.value,
                    addressing: addressing?,
                })
            })
            .collect::<Option<_>>()?,
        others: raw
            .others
            .iter()
            .flatten()
            .map(|raw| {
                let addressing = addressing(
                    raw.mtu.as_ref(),
                    &raw.addresses,
                    &raw.routes,
                    raw.dhcp.as_ref(),
                );
                Some(Link {
                    nic: nic_selector(raw.nic.as_ref()?, &mut quiet)?,
                    addressing: addressing?,
                })
            })
            .collect::<Option<_>>()?,
    })
}

fn merged(node: &RawNode, class: Option<&RawClass>) -> RawLinks {
    let own = node.links.clone().unwrap_or_default();
    let class = class
        .and_then(|class| class.links.clone())
        .unwrap_or_default();
    RawLinks {
        mtu: own.mtu.or(class.mtu),
        addresses: own.addresses.or(class.addresses),
        routes: own.routes.or(class.routes),
        bond: own.bond.or(class.bond),
        bridge: own.bridge.or(class.bridge),
        vlans: own.vlans.or(class.vlans),
        others: own.others.or(class.others),
    }
}

fn addressing(
    mtu: Option<&Spanned<u16>>,
    raw: &[Text],
    raw_routes: &[RawRoute],
    dhcp: Option<&Spanned<bool>>,
) -> Option<Addressing> {
    let mut quiet = Findings::default();
    Some(Addressing {
        mtu: mtu.map(|mtu| mtu.value),
        addresses: addresses(raw, &mut quiet)?,
        routes: routes(raw_routes, &mut quiet)?,
        dhcp: dhcp.is_some_and(|wish| wish.value),
    })
}

fn addresses(raw: &[Text], findings: &mut Findings) -> Option<Vec<IpNet>> {
    let parsed: Vec<_> = raw
        .iter()
        .map(|text| interface_address(text, findings))
        .collect();
    parsed.into_iter().collect()
}

fn interface_address(text: &Text, findings: &mut Findings) -> Option<IpNet> {
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        let message =
            format!("expected an address and its network such as `10.10.10.11/24`, found `{text}`");
        findings.invalid(text.span, message);
    }
    parsed
}

fn routes(raw: &[RawRoute], findings: &mut Findings) -> Option<Vec<Route>> {
    let parsed: Vec<_> = raw
        .iter()
        .map(|raw| {
            let to = raw.to.as_ref().map(|text| findings.network(text));
            let via = raw.via.as_ref().and_then(|text| findings.address(text));
            (to != Some(None)).then_some(Route {
                to: to.flatten(),
                via: via?,
                metric: raw.metric.as_ref().map(|metric| metric.value),
            })
        })
        .collect();
    parsed.into_iter().collect()
}

fn bond(raw: &RawBond, findings: &mut Findings) -> Option<Bond> {
    let nics: Vec<_> = raw
        .nics
        .iter()
        .map(|nic| nic_selector(nic, findings))
        .collect();
    let mode = match raw.mode.as_ref()?.value {
        RawBondMode::BalanceRr => "balance-rr",
        RawBondMode::ActiveBackup => "active-backup",
        RawBondMode::BalanceXor => "balance-xor",
        RawBondMode::Broadcast => "broadcast",
        RawBondMode::Lacp => "802.3ad",
        RawBondMode::BalanceTlb => "balance-tlb",
        RawBondMode::BalanceAlb => "balance-alb",
    };
    Some(Bond {
        name: raw
            .name
            .as_ref()
            .map_or_else(|| "bond0".to_owned(), |text| text.value.clone()),
        mode: mode.to_owned(),
        nics: nics.into_iter().collect::<Option<_>>()?,
    })
}

fn check_links(links: &RawLinks, findings: &mut Findings) {
    let bond = links.bond.as_ref();
    for name in links
        .bridge
        .iter()
        .chain(bond.and_then(|bond| bond.name.as_ref()))
    {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.value.is_empty() || name.value.len() > LONGEST || !name.value.bytes().all(plain) {
            let message = format!(
                "expected the name of a link such as `br0`, at most {LONGEST} letters, found `{name}`"
            );
            findings.invalid(name.span, message);
        }
    }
    addresses(links.addresses.as_deref().unwrap_or_default(), findings);
    routes(links.routes.as_deref().unwrap_or_default(), findings);
    bond.and_then(|raw| self::bond(raw, findings));
    let mut seen: BTreeMap<u16, Span> = BTreeMap::new();
    for vlan in links.vlans.iter().flatten() {
        let parsed = addresses(&vlan.addresses, findings);
        check_routes(&vlan.routes, &parsed.unwrap_or_default(), findings);
        let Some(id) = &vlan.id else { continue };
        if let Some(first) = seen.insert(id.value, id.span) {
            let message = format!("two VLANs have the number {}", id.value);
            let finding = Diagnostic::new(Code::DuplicateVlan, id.span, message)
                .label("here again")
                .also(first, "first here")
                .help("put the addresses of both into one");
            findings.add(finding);
        }
    }
    for other in links.others.iter().flatten() {
        let parsed = addresses(&other.addresses, findings);
        check_routes(&other.routes, &parsed.unwrap_or_default(), findings);
        other
            .nic
            .as_ref()
            .and_then(|nic| nic_selector(nic, findings));
    }
}

/// A router must be in a network of the link; on a link that asks for its address nobody knows.
fn check_routes(raw: &[RawRoute], addresses: &[IpNet], findings: &mut Findings) {
    routes(raw, findings);
    if addresses.is_empty() {
        return;
    }
    for text in raw.iter().filter_map(|route| route.via.as_ref()) {
        let Ok(via) = text.value.parse::<IpAddr>() else {
            continue;
        };
        if !reaches(addresses, via) {
            let message = format!("no address of the link reaches the router {via}");
            let finding = Diagnostic::new(Code::UnreachableRouter, text.span, message)
                .label("in none of the link's networks")
                .help("correct the router, or give the link an address in its network");
            findings.add(finding);
        }
    }
}

fn reaches(addresses: &[IpNet], router: IpAddr) -> bool {
    let link_local = matches!(router, IpAddr::V6(address) if address.is_unicast_link_local());
    link_local
        || addresses
            .iter()
            .any(|address| address.trunc().contains(&router))
}

/// The node's own link has the node's address beside what it says itself.
fn check_routers(
    node: &RawNode,
    class: Option<&RawClass>,
    spec: &RawSpec,
    findings: &mut Findings,
) {
    let raw = merged(node, class);
    let network = spec
        .network
        .as_ref()
        .and_then(|network| network.nodes.as_ref());
    let network = network.and_then(|text| text.value.parse::<IpNet>().ok());
    let further = addresses(
        raw.addresses.as_deref().unwrap_or_default(),
        &mut Findings::default(),
    );
    if let (Some(network), Some(mut further)) = (network, further) {
        further.push(network);
        check_routes(
            raw.routes.as_deref().unwrap_or_default(),
            &further,
            findings,
        );
    }
}

/// A card belongs to one link.
fn check_cards(node: &RawNode, class: Option<&RawClass>, findings: &mut Findings) {
    let raw = merged(node, class);
    let own = node
        .nic
        .as_ref()
        .or(class.and_then(|class| class.nic.as_ref()));
    let bonded = raw.bond.iter().flat_map(|bond| &bond.nics);
    let others = raw
        .others
        .iter()
        .flatten()
        .filter_map(|other| other.nic.as_ref());
    let mut seen: Vec<(NicSelector, Span)> = Vec::new();
    for nic in own.into_iter().chain(bonded).chain(others) {
        let Some(selector) = selector(nic) else {
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(earlier, _)| *earlier == selector) {
            let name = node.name.as_ref().map_or("the node", |name| &name.value);
            let message = format!("a network card of `{name}` has two uses");
            let finding = Diagnostic::new(Code::CardUsedTwice, nic.span, message)
                .label("used again")
                .also(*first, "used first")
                .help("name another card, or take it out of one of the two");
            findings.add(finding);
        }
        seen.push((selector, nic.span));
    }
}

fn selector(nic: &Spanned<RawNic>) -> Option<NicSelector> {
    nic_selector(nic, &mut Findings::default())
}
