//! Networks against each other: no overlap, families that fit, room for every node.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Findings;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawLoadBalancerMode, RawNetwork, RawSpec, Text};

/// The part of the pod network that a node gets.
const NODE_PREFIX: u8 = 24;

/// Reports networks that do not fit together. Networks that cannot be parsed are reported
/// elsewhere and left out here.
pub(super) fn check(spec: &RawSpec, raw: &RawNetwork, findings: &mut Findings) {
    let pods = named("the pod network", raw.pods.iter().flat_map(|list| &list.0));
    let services = named(
        "the Service network",
        raw.services.iter().flat_map(|list| &list.0),
    );
    let nodes = named("the nodes' network", raw.nodes.iter());
    let balancer = raw.load_balancer.as_ref();
    let pools = named(
        "a load balancer pool",
        balancer.into_iter().flat_map(|raw| &raw.pools),
    );
    families(&pods, findings);
    families(&services, findings);
    same_families(&pods, &services, findings);
    room(spec, &pods, findings);
    overlaps(&[&nodes[..], &pods, &services].concat(), findings);
    for pool in &pools {
        for other in pods.iter().chain(&services) {
            overlap(other, pool, findings);
        }
    }
    overlaps(&pools, findings);
    bgp(raw, findings);
}

#[derive(Clone)]
struct Named<'a> {
    owner: &'static str,
    network: IpNet,
    text: &'a Text,
}

fn named<'a>(owner: &'static str, texts: impl Iterator<Item = &'a Text>) -> Vec<Named<'a>> {
    texts
        .filter_map(|text| {
            let network = text.value.parse::<IpNet>().ok()?.trunc();
            Some(Named {
                owner,
                network,
                text,
            })
        })
        .collect()
}

fn overlaps(networks: &[Named<'_>], findings: &mut Findings) {
    for (index, second) in networks.iter().enumerate() {
        for first in networks.iter().take(index) {
            overlap(first, second, findings);
        }
    }
}

fn overlap(first: &Named<'_>, second: &Named<'_>, findings: &mut Findings) {
    let nested = first.network.contains(&second.network) || second.network.contains(&first.network);
    if !nested {
        return;
    }
    let message = format!("{} and {} overlap", first.owner, second.owner);
    let finding = Diagnostic::new(Code::NetworkOverlap, second.text.span, message)
        .label(format!("{} is {}", second.owner, second.network))
        .also(
            first.text.span,
            format!("{} is {}", first.owner, first.network),
        )
        .help("give each a range of its own; packets to a shared address have two ways to go");
    findings.add(finding);
}

/// At most one network per address family.
fn families(networks: &[Named<'_>], findings: &mut Findings) {
    let mut seen: Vec<&Named<'_>> = Vec::new();
    for network in networks {
        let first = seen.iter().find(|first| is_v4(first) == is_v4(network));
        let Some(first) = first else {
            seen.push(network);
            continue;
        };
        let family = if is_v4(network) { "IPv4" } else { "IPv6" };
        let message = format!("{} is given twice for {family}", network.owner);
        let finding = Diagnostic::new(Code::FamilyMismatch, network.text.span, message)
            .label("a second one")
            .also(first.text.span, "the first one")
            .help("dual stack takes one network of each family");
        findings.add(finding);
    }
}

fn same_families(pods: &[Named<'_>], services: &[Named<'_>], findings: &mut Findings) {
    let (Some(pod), Some(service)) = (pods.first(), services.first()) else {
        return;
    };
    let families = |networks: &[Named<'_>]| networks.iter().map(is_v4).collect::<BTreeSet<_>>();
    if families(pods) == families(services) {
        return;
    }
    let message = "pods and Services must have networks of the same address families";
    let finding = Diagnostic::new(Code::FamilyMismatch, service.text.span, message)
        .label("the Services' networks")
        .also(pod.text.span, "the pods' networks");
    findings.add(finding);
}

/// The controller manager cuts a /24 per node out of an IPv4 pod network.
fn room(spec: &RawSpec, pods: &[Named<'_>], findings: &mut Findings) {
    for pod in pods.iter().filter(|pod| is_v4(pod)) {
        let bits = NODE_PREFIX.checked_sub(pod.network.prefix_len());
        let room = bits.map_or(0, |bits| 1_usize << bits);
        if room < spec.nodes.len() {
            let message = format!(
                "`{}` has room for {room} of {} nodes",
                pod.network,
                spec.nodes.len()
            );
            let finding = Diagnostic::new(Code::PodNetworkTooSmall, pod.text.span, message)
                .label("every node gets a /24 of it")
                .help("take a wider network, such as a /16");
            findings.add(finding);
        }
    }
}

fn bgp(raw: &RawNetwork, findings: &mut Findings) {
    let Some(balancer) = &raw.load_balancer else {
        return;
    };
    let mode = balancer.mode.as_ref();
    let wants = mode.is_some_and(|mode| mode.value == RawLoadBalancerMode::Bgp);
    match (&balancer.bgp, mode) {
        (None, Some(mode)) if wants => {
            let finding = Diagnostic::new(
                Code::BgpIncomplete,
                mode.span,
                "BGP needs routers to speak to",
            )
            .help("add `bgp: {localASN: …, peers: [{address: …, asn: …}]}`");
            findings.add(finding);
        }
        (Some(bgp), _) if !wants => {
            let finding = Diagnostic::new(
                Code::BgpIncomplete,
                bgp.span,
                "BGP peers without `mode: bgp`",
            )
            .help("add `mode: bgp`, or remove the peers");
            findings.add(finding);
        }
        _ => {}
    }
}

fn is_v4(network: &Named<'_>) -> bool {
    matches!(network.network, IpNet::V4(_))
}
