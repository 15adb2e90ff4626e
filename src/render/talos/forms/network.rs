//! Host name, links and resolvers in the shapes that the `v1alpha1` document had for them.
//!
//! There, a link is an entry of one list, named or found by its hardware; VLANs lie inside the link that
//! carries them, and an address that moves lies there too.

use serde_json::{Map, Value, json};

use super::lower::{get, join, put, slot};

/// The key that tells VLANs apart until all is in its place.
const NAME: &str = "name";

pub(super) fn hostname(document: &Value, main: &mut Value) {
    if document["auto"] == "stable" {
        put(main, "machine.features.stableHostname", json!(true));
    }
    if let Some(name) = document.get("hostname") {
        put(main, "machine.network.hostname", name.clone());
    }
}

pub(super) fn link(document: &Value, main: &mut Value) {
    common(document, interface(main, &document["name"]));
}

pub(super) fn bond(document: &Value, main: &mut Value) {
    let interface = interface(main, &document["name"]);
    common(document, interface);
    let mut bond = json!({"interfaces": document["links"], "mode": document["bondMode"]});
    for (from, to) in [
        ("miimon", "miimon"),
        ("lacpRate", "lacpRate"),
        ("xmitHashPolicy", "xmitHashPolicy"),
    ] {
        if let Some(value) = document.get(from) {
            bond[to] = value.clone();
        }
    }
    interface["bond"] = bond;
}

pub(super) fn bridge(document: &Value, main: &mut Value) {
    let interface = interface(main, &document["name"]);
    common(document, interface);
    let mut bridge = json!({"interfaces": document["links"]});
    if let Some(stp) = get(document, "stp.enabled") {
        bridge["stp"] = json!({"enabled": stp});
    }
    interface["bridge"] = bridge;
}

/// The name stays for what follows about the VLAN, until [`settle`].
pub(super) fn vlan(document: &Value, main: &mut Value) {
    let mut vlan = json!({NAME: document["name"], "vlanId": document["vlanID"]});
    common(document, &mut vlan);
    put(interface(main, &document["parent"]), "vlans", json!([vlan]));
}

pub(super) fn dhcp(document: &Value, main: &mut Value) {
    let entry = carrier(main, &document["name"]);
    entry["dhcp"] = json!(true);
    if document["kind"] == "DHCPv6Config" {
        entry["dhcpOptions"]["ipv6"] = json!(true);
    }
    if let Some(metric) = document.get("routeMetric") {
        entry["dhcpOptions"]["routeMetric"] = metric.clone();
    }
}

pub(super) fn vip(document: &Value, main: &mut Value) {
    carrier(main, &document["link"])["vip"] = json!({"ip": document["name"]});
}

/// A link that is found by its hardware has a selector in place of a name, which stays until
/// [`settle`].
pub(super) fn alias(document: &Value, main: &mut Value) {
    let matched = document.pointer("/selector/match").and_then(Value::as_str);
    let address = matched.and_then(|text| text.split('"').nth(1));
    interface(main, &document["name"])["deviceSelector"] = json!({"permanentAddr": address});
}

/// Takes away names that only told links apart, and names what belongs to bonds and bridges by its
/// hardware.
pub(super) fn settle(main: &mut Value) {
    let Some(Value::Array(entries)) = main.pointer_mut("/machine/network/interfaces") else {
        return;
    };
    let mut selectors = Map::new();
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(selector) = entry.get("deviceSelector").cloned() {
            let name = entry.shift_remove("interface");
            let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
            selectors.insert(name.to_owned(), selector);
        }
        for vlan in entry
            .get_mut("vlans")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            vlan.as_object_mut()
                .and_then(|vlan| vlan.shift_remove(NAME));
        }
    }
    let mut taken = Vec::new();
    for entry in entries.iter_mut() {
        bond_by_hardware(entry, &selectors, &mut taken);
        taken.extend(bridged_by_hardware(entry, &selectors));
    }
    settle_members(entries, &taken);
}

/// A member of a bond or bridge, by its selector; the bridge, when it says so itself.
struct Member {
    selector: Value,
    bridge: Option<Value>,
}

fn bond_by_hardware(entry: &mut Value, selectors: &Map<String, Value>, taken: &mut Vec<Member>) {
    let Some(bond) = entry.get_mut("bond").and_then(Value::as_object_mut) else {
        return;
    };
    let names = bond
        .get("interfaces")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let known = |name: &Value| selectors.get(name.as_str()?).cloned();
    let found: Option<Vec<_>> = names.iter().map(known).collect();
    if let Some(found) = found.filter(|found| !found.is_empty()) {
        bond.shift_remove("interfaces");
        taken.extend(found.iter().map(|selector| Member {
            selector: selector.clone(),
            bridge: None,
        }));
        bond.insert("deviceSelectors".to_owned(), json!(found));
    }
}

fn bridged_by_hardware(entry: &mut Value, selectors: &Map<String, Value>) -> Vec<Member> {
    let name = entry.get("interface").cloned();
    let interfaces = entry
        .pointer_mut("/bridge/interfaces")
        .and_then(Value::as_array_mut);
    let Some(interfaces) = interfaces else {
        return Vec::new();
    };
    let mut members = Vec::new();
    interfaces.retain(|member| {
        let selector = member.as_str().and_then(|member| selectors.get(member));
        members.extend(selector.map(|selector| Member {
            selector: selector.clone(),
            bridge: name.clone(),
        }));
        selector.is_none()
    });
    members
}

/// Members of a bond are found through it; members of a bridge name it.
fn settle_members(entries: &mut Vec<Value>, taken: &[Member]) {
    let member_of = |entry: &Value| {
        taken
            .iter()
            .find(|member| entry.get("deviceSelector") == Some(&member.selector))
    };
    entries.retain(|entry| member_of(entry).is_none_or(|member| member.bridge.is_some()));
    for entry in entries.iter_mut() {
        if let Some(bridge) = member_of(entry).and_then(|member| member.bridge.as_ref()) {
            entry["bridgePort"] = json!({"master": bridge});
        }
    }
}

pub(super) fn resolvers(document: &Value, main: &mut Value) {
    let addresses: Vec<_> = document["nameservers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|server| server["address"].clone())
        .collect();
    if !addresses.is_empty() {
        put(main, "machine.network.nameservers", json!(addresses));
    }
    if let Some(domains) = get(document, "searchDomains.domains") {
        put(main, "machine.network.searchDomains", domains.clone());
    }
    if let Some(disabled) = get(document, "searchDomains.disableDefault") {
        put(
            main,
            "machine.network.disableSearchDomain",
            disabled.clone(),
        );
    }
}

pub(super) fn static_host(document: &Value, main: &mut Value) {
    let entry = json!({"ip": document["name"], "aliases": document["hostnames"]});
    put(main, "machine.network.extraHostEntries", json!([entry]));
}

/// Addresses, routes and sizes.
fn common(document: &Value, entry: &mut Value) {
    if let Some(addresses) = document.get("addresses").and_then(Value::as_array) {
        let addresses: Vec<_> = addresses.iter().map(|entry| &entry["address"]).collect();
        entry["addresses"] = json!(addresses);
    }
    if let Some(routes) = document.get("routes").and_then(Value::as_array) {
        entry["routes"] = routes.iter().map(route).collect();
    }
    if let Some(mtu) = document.get("mtu") {
        entry["mtu"] = mtu.clone();
    }
}

/// A route without a destination is the default one, which had to be spelled out.
fn route(route: &Value) -> Value {
    let gateway = route["gateway"].as_str().unwrap_or_default();
    let default = if gateway.contains(':') {
        "::/0"
    } else {
        "0.0.0.0/0"
    };
    let mut before = Map::new();
    let network = route
        .get("destination")
        .cloned()
        .unwrap_or_else(|| json!(default));
    before.insert("network".to_owned(), network);
    for key in ["gateway", "source", "metric", "mtu"] {
        if let Some(value) = route.get(key) {
            before.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(before)
}

/// The entry of a link.
fn interface<'a>(main: &'a mut Value, link: &Value) -> &'a mut Value {
    let interfaces = slot(main, ["machine", "network", "interfaces"].into_iter());
    entry_of(interfaces, "interface", link)
}

/// The entry of a list with this value; it is made when there is none.
fn entry_of<'a>(list: &'a mut Value, key: &str, wanted: &Value) -> &'a mut Value {
    let position = list.as_array().and_then(|entries| {
        entries
            .iter()
            .position(|entry| entry.get(key) == Some(wanted))
    });
    let position = position.unwrap_or_else(|| {
        let count = list.as_array().map_or(0, Vec::len);
        join(list, json!([{key: wanted}]));
        count
    });
    &mut list[position]
}

/// The entry that addresses of a link belong to: that of the VLAN, where the link is one.
fn carrier<'a>(main: &'a mut Value, link: &Value) -> &'a mut Value {
    let interfaces = slot(main, ["machine", "network", "interfaces"].into_iter());
    let place = |entry: &Value| {
        let vlans = entry.get("vlans").and_then(Value::as_array)?;
        vlans.iter().position(|vlan| vlan.get(NAME) == Some(link))
    };
    let entries = interfaces.as_array().into_iter().flatten().enumerate();
    let found = entries
        .into_iter()
        .find_map(|(index, entry)| Some((index, place(entry)?)));
    match found {
        Some((index, vlan)) => &mut interfaces[index]["vlans"][vlan],
        None => entry_of(interfaces, "interface", link),
    }
}
