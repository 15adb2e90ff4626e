//! Networks and addresses, parsed, with their defaults.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Findings, names, networks};
use crate::spec::cluster::{LoadBalancer, LoadBalancerMode, Network};
use crate::spec::raw::{RawLoadBalancer, RawLoadBalancerMode, RawNetwork, RawSpec, Text};
use crate::yaml::OneOrMany;

/// What Talos and kubeadm take when nobody says otherwise.
const PODS: &str = "10.244.0.0/16";
const SERVICES: &str = "10.96.0.0/12";
const CLUSTER_DOMAIN: &str = "cluster.local";
const TIME_SERVER: &str = "time.cloudflare.com";

/// Makes the network; checks networks against each other.
pub(super) fn network(spec: &RawSpec, findings: &mut Findings) -> Option<Network> {
    let raw = spec.network.as_ref()?;
    let nodes = raw.nodes.as_ref().and_then(|text| findings.network(text));
    let gateway = raw.gateway.as_ref().map(|text| findings.address(text));
    let nameservers = all(&raw.nameservers, |text| findings.address(text));
    let pods = family_networks(raw.pods.as_ref(), PODS, findings);
    let services = family_networks(raw.services.as_ref(), SERVICES, findings);
    let balancer = raw.load_balancer.as_ref();
    let balancer = balancer.map(|raw| load_balancer(raw, findings));
    let domain = raw
        .domain
        .as_ref()
        .map(|text| names::domain(text, findings));
    let cluster_domain = raw
        .cluster_domain
        .as_ref()
        .map(|text| names::domain(text, findings));
    let time_servers = time_servers(raw, findings);
    networks::check(spec, raw, findings);
    if gateway == Some(None) || balancer == Some(None) {
        return None;
    }
    let gateway = gateway.flatten();
    Some(Network {
        nodes: nodes?,
        gateway,
        nameservers: nameservers_or_gateway(nameservers?, gateway),
        time_servers,
        pods: pods?,
        services: services?,
        domain: domain.flatten(),
        cluster_domain: cluster_domain
            .flatten()
            .unwrap_or_else(|| CLUSTER_DOMAIN.to_owned()),
        without_cni: raw.cni.as_ref().is_some_and(|cni| cni.value == "none"),
        load_balancer: balancer.flatten(),
    })
}

/// Parses all, so that each is reported; absent if one could not be parsed.
fn all<T>(texts: &[Text], parse: impl FnMut(&Text) -> Option<T>) -> Option<Vec<T>> {
    let parsed: Vec<_> = texts.iter().map(parse).collect();
    parsed.into_iter().collect()
}

fn family_networks(
    raw: Option<&OneOrMany<Text>>,
    default: &str,
    findings: &mut Findings,
) -> Option<Vec<IpNet>> {
    match raw {
        Some(raw) => all(&raw.0, |text| findings.network(text)),
        None => default.parse().ok().map(|network| vec![network]),
    }
}

fn load_balancer(raw: &RawLoadBalancer, findings: &mut Findings) -> Option<LoadBalancer> {
    let pools = all(&raw.pools, |text| findings.network(text));
    let mode = match raw.mode.as_ref().map(|mode| mode.value) {
        Some(RawLoadBalancerMode::Bgp) => LoadBalancerMode::Bgp,
        Some(RawLoadBalancerMode::L2) | None => LoadBalancerMode::L2,
    };
    Some(LoadBalancer {
        pools: pools?,
        mode,
    })
}

fn nameservers_or_gateway(nameservers: Vec<IpAddr>, gateway: Option<IpAddr>) -> Vec<IpAddr> {
    if nameservers.is_empty() {
        gateway.into_iter().collect()
    } else {
        nameservers
    }
}

fn time_servers(raw: &RawNetwork, findings: &mut Findings) -> Vec<String> {
    if raw.time_servers.is_empty() {
        return vec![TIME_SERVER.to_owned()];
    }
    for text in &raw.time_servers {
        if text.value.parse::<IpAddr>().is_err() {
            names::domain(text, findings);
        }
    }
    raw.time_servers
        .iter()
        .map(|text| text.value.clone())
        .collect()
}
