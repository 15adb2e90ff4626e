//! The main document, as far as it is about links: what documents have taken the place of since 1.12.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::super::at;
use super::document::has_port;
use super::forms::{is_network, is_wireguard_key};
use super::words::{BOND_MODE, BOND_WORDS};
use super::{Judge, each, is_nothing, kubelet};
use crate::spec::cluster::Role;

const PATH: &str = "machine.network.interfaces";

/// Checks the links of the document.
pub(super) fn check(main: &Value, judge: &mut Judge) {
    let interfaces = each(main, PATH);
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for interface in &interfaces {
        let name = interface["interface"].as_str().unwrap_or_default();
        let (bond, bridge) = (&interface["bond"], &interface["bridge"]);
        judge.expect(
            bond.is_null() || bridge.is_null(),
            PATH,
            "has a link that is bond and bridge",
        );
        judge.expect(
            is_nothing(bond.get("interfaces")) || is_nothing(bond.get("deviceSelectors")),
            PATH,
            "has a bond with `interfaces` and `deviceSelectors`",
        );
        for member in ["bridge.interfaces", "bond.interfaces"]
            .iter()
            .flat_map(|path| each(interface, path))
            .filter_map(Value::as_str)
        {
            let other = taken.insert(member, name);
            judge.expect(
                other.is_none_or(|other| other == name),
                PATH,
                &format!("has `{member}` in two links"),
            );
        }
    }
    for interface in interfaces {
        vip(interface, judge);
        if interface["ignore"] != true {
            device(interface, &taken, judge);
        }
    }
    kube_span(main, judge);
}

/// An address that moves is for control planes.
fn vip(interface: &Value, judge: &mut Judge) {
    let mut links = each(interface, "vlans");
    links.push(interface);
    let moves = links.iter().any(|link| !link["vip"].is_null());
    judge.expect(
        !moves || judge.machine.role == Role::ControlPlane,
        "machine.network.interfaces.vip",
        "is for control planes only",
    );
}

fn device(interface: &Value, members: &BTreeMap<&str, &str>, judge: &mut Judge) {
    let name = interface["interface"].as_str().unwrap_or_default();
    let selector = &interface["deviceSelector"];
    judge.expect(
        selector.is_null() != name.is_empty(),
        PATH,
        "needs either `interface` or `deviceSelector` in each",
    );
    let chooses = |(key, value): (&String, &Value)| match key.as_str() {
        "physical" => !value.is_null(),
        _ => !is_nothing(Some(value)),
    };
    let empty = selector
        .as_object()
        .is_some_and(|entries| !entries.iter().any(chooses));
    judge.expect(!empty, PATH, "has an empty `deviceSelector`");
    let addressed = interface["dhcp"] == true
        || ["cidr", "addresses"]
            .iter()
            .any(|key| !is_nothing(interface.get(key)))
        || !interface["vip"].is_null();
    judge.expect(
        !(addressed && members.contains_key(name)),
        PATH,
        &format!("has an address for `{name}`, which is a part of another link"),
    );
    if interface["bond"].is_object() {
        bond(&interface["bond"], judge);
    }
    if interface["wireguard"].is_object() {
        wireguard(&interface["wireguard"], judge);
    }
    link(interface, judge);
    for vlan in each(interface, "vlans") {
        addresses(vlan, judge);
    }
}

/// What is for bonds of these modes only: key, what counts as said, modes.
const OF_MODES: &[(&str, u64, &[&str])] = &[
    ("lacpRate", 0, &["802.3ad"]),
    ("adActorSysPrio", 0, &["802.3ad"]),
    ("adUserPortKey", 0, &["802.3ad"]),
    ("arpValidate", 0, WITH_PROBES),
    ("arpInterval", 0, WITH_PROBES),
    (
        "primary",
        0,
        &["active-backup", "balance-alb", "balance-tlb"],
    ),
    ("packetsPerSlave", 1, &["balance-rr"]),
    ("tlbDynamicLb", 0, &["balance-alb", "balance-tlb"]),
];
const WITH_PROBES: &[&str] = &["balance-rr", "active-backup", "balance-xor", "broadcast"];

fn bond(bond: &Value, judge: &mut Judge) {
    const PATH: &str = "machine.network.interfaces.bond";
    let text = |key: &str| bond[key].as_str().unwrap_or_default();
    let number = |key: &str| bond[key].as_u64().unwrap_or_default();
    for (key, words) in BOND_WORDS {
        let key = if *key == BOND_MODE { "mode" } else { key };
        let word = text(key);
        judge.expect(
            word.is_empty() || words.contains(&word),
            PATH,
            &format!("has no known `{key}`"),
        );
    }
    let mode = match text("mode") {
        "" => "balance-rr",
        mode => mode,
    };
    for (key, nothing, modes) in OF_MODES {
        let said = !text(key).is_empty() || number(key) > *nothing;
        judge.expect(
            !said || modes.contains(&mode),
            PATH,
            &format!("has `{key}`, which is for {}", quoted(modes)),
        );
    }
    for key in ["updelay", "downdelay"] {
        let fits = match number("miimon") {
            0 => number(key) == 0,
            step => number(key).is_multiple_of(step),
        };
        judge.expect(
            fits,
            PATH,
            &format!("has a `{key}` that is no multiple of `miimon`"),
        );
    }
    for key in ["arpIPTarget", "adActorSystem"] {
        judge.expect(
            is_nothing(bond.get(key)),
            PATH,
            &format!("has `{key}`, which Talos does not support"),
        );
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

fn wireguard(wireguard: &Value, judge: &mut Judge) {
    const PATH: &str = "machine.network.interfaces.wireguard";
    let is_key = |key: &Value| key.is_object() || key.as_str().is_some_and(is_wireguard_key);
    let peers = each(wireguard, "peers");
    let public = peers.iter().map(|peer| &peer["publicKey"]);
    for key in std::iter::once(&wireguard["privateKey"]).chain(public) {
        judge.expect(
            is_key(key),
            PATH,
            "has a key that is not of 32 bytes in base64",
        );
    }
    for peer in peers {
        let endpoint = peer["endpoint"].as_str().unwrap_or_default();
        judge.expect(
            endpoint.is_empty() || has_port(endpoint),
            PATH,
            "has an `endpoint` without a port",
        );
        for network in each(peer, "allowedIPs")
            .into_iter()
            .filter_map(Value::as_str)
        {
            judge.expect(
                is_network(network),
                PATH,
                &format!("has `{network}` in `allowedIPs`, which is no network"),
            );
        }
    }
}

/// Tells whether a text has its form.
type Form = fn(&str) -> bool;

/// What routes are made of.
const ROUTES: &[(&str, Form)] = &[
    ("network", is_network),
    ("gateway", is_address),
    ("source", is_address),
];
/// What a mesh leaves out.
const FILTERS: &[(&str, Form)] = &[
    ("filters.endpoints", kubelet::is_subnet),
    ("filters.excludeAdvertisedNetworks", is_network),
];

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Addresses of a link or VLAN, in one of two ways.
fn addresses(link: &Value, judge: &mut Judge) {
    for key in ["addresses", "cidr"] {
        for text in each(link, key).into_iter().filter_map(Value::as_str) {
            judge.expect(
                is_network(text) || is_address(text) || key == "cidr" && text.is_empty(),
                "machine.network.interfaces.addresses",
                &format!("is an address, found `{text}`"),
            );
        }
    }
    let both = !is_nothing(link.get("addresses")) && !is_nothing(link.get("cidr"));
    judge.expect(
        !both,
        "machine.network.interfaces.cidr",
        "cannot be said beside `addresses`",
    );
}

fn link(link: &Value, judge: &mut Judge) {
    addresses(link, judge);
    let vip = &link["vip"];
    judge.expect(
        vip.is_null() || vip["ip"].as_str().is_some_and(is_address),
        "machine.network.interfaces.vip",
        "has no address",
    );
    for route in each(link, "routes") {
        for (key, fits) in ROUTES {
            let text = route[key].as_str().unwrap_or_default();
            judge.expect(
                text.is_empty() || fits(text),
                "machine.network.interfaces.routes",
                &format!("has the `{key}` `{text}`, which is none"),
            );
        }
        let said = !is_nothing(route.get("network")) || !is_nothing(route.get("gateway"));
        judge.expect(
            said,
            "machine.network.interfaces.routes",
            "needs `network` or `gateway`",
        );
    }
}

fn kube_span(main: &Value, judge: &mut Judge) {
    let path = "machine.network.kubespan";
    let Some(mesh) = at(main, path).filter(|mesh| mesh["enabled"] == true) else {
        return;
    };
    judge.expect(
        mesh["mtu"].as_i64().is_none_or(|mtu| mtu >= 1280),
        path,
        "has an `mtu` below 1280",
    );
    for (key, fits) in FILTERS {
        for text in each(mesh, key).into_iter().filter_map(Value::as_str) {
            judge.expect(
                fits(text),
                path,
                &format!("has the filter `{text}`, which is no network"),
            );
        }
    }
}
