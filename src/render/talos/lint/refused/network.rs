//! Documents of links, resolvers, time and rules.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::forms::{is_negative, is_wireguard_key};
use super::{Judge, each, is_nothing, kubelet};

/// Kinds of links, of which there is one by a name.
pub(super) const LINKS: &[&str] = &[
    "LinkConfig",
    "BondConfig",
    "BridgeConfig",
    "DummyLinkConfig",
    "VLANConfig",
    "VRFConfig",
    "WireguardConfig",
];

/// Tables of routes that the kernel names.
const TABLES: &[&str] = &["unspec", "default", "main", "local"];

/// Checks a document of this kind.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    if LINKS.contains(&kind) {
        link(document, judge);
    }
    match kind {
        "HostnameConfig" => hostname(document, judge),
        "DHCPv4Config" | "DHCPv6Config" => {
            let by_duid = document["clientIdentifier"] == "duid";
            let said = !is_nothing(document.get("duidRaw"));
            judge.expect(
                by_duid == said,
                "duidRaw",
                "belongs to `clientIdentifier: duid`",
            );
        }
        "VLANConfig" => {
            let id = document["vlanID"].as_i64().unwrap_or_default();
            judge.expect(
                (1..=4094).contains(&id),
                "vlanID",
                "is a number from 1 to 4094",
            );
        }
        "VRFConfig" => {
            let table = &document["table"];
            let reserved = is_nothing(Some(table))
                || table.as_str().is_some_and(|name| TABLES.contains(&name));
            judge.expect(!reserved, "table", "must be a table of its own");
            tables(document, "table", judge);
        }
        "WireguardConfig" => wireguard(document, judge),
        "LinkAliasConfig" => {
            let name = document["name"].as_str().unwrap_or_default();
            let counted = name
                .split_once('%')
                .is_none_or(|(before, after)| !before.is_empty() && after == "d");
            judge.expect(counted, "name", "counts with `%d` at its end");
        }
        "TimeSyncConfig" => {
            let both = !document["ntp"].is_null() && !document["ptp"].is_null();
            judge.expect(!both, "ptp", "cannot be said beside `ntp`");
        }
        "KubeSpanConfig" => {
            let mtu = document["mtu"].as_i64();
            judge.expect(mtu.is_none_or(|mtu| mtu >= 1280), "mtu", "is at least 1280");
            judge.texts(
                document,
                "filters.endpoints",
                kubelet::is_subnet,
                "is no network",
            );
        }
        "TCPProbeConfig" => {
            let failures = document["failureThreshold"].as_i64().unwrap_or_default();
            judge.expect(failures >= 0, "failureThreshold", "cannot be negative");
        }
        "RoutingRuleConfig" => rule(document, judge),
        "NetworkRuleConfig" => ports(document, judge),
        _ => {}
    }
}

/// Addresses and routes of a link: `0.0.0.0` and `::` are none.
fn link(document: &Value, judge: &mut Judge) {
    let one = |text: &str| {
        let network = text.parse::<IpNet>().map(|network| network.addr());
        let address = network.or_else(|_| text.parse::<IpAddr>());
        address.is_ok_and(|address| address.is_unspecified())
    };
    for path in [
        "addresses.address",
        "routes.destination",
        "routes.gateway",
        "routes.source",
    ] {
        judge.texts(document, path, |text| !one(text), "is no address");
    }
    tables(document, "routes.table", judge);
}

/// Tables by their name, or by their number as far as it is free.
fn tables(document: &Value, path: &str, judge: &mut Judge) {
    for table in each(document, path) {
        let number = match table {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        let named = table.as_str().is_some_and(|name| TABLES.contains(&name));
        let fits = named || number.is_some_and(|number| (1..=252).contains(&number));
        judge.expect(
            fits,
            path,
            "is `main`, `local`, `default`, or a number from 1 to 252",
        );
    }
}

fn hostname(document: &Value, judge: &mut Judge) {
    let automatic = document["auto"].as_str().is_some_and(|auto| auto != "off");
    let name = document["hostname"].as_str().unwrap_or_default();
    let named = !is_nothing(document.get("hostname"));
    judge.expect(
        !(automatic && named),
        "auto",
        "cannot be said beside `hostname`",
    );
    judge.expect(
        named || !document["auto"].is_null(),
        "hostname",
        "or `auto` must be there",
    );
    let first = name.split('.').next().unwrap_or_default();
    judge.expect(
        name.is_empty() || name.len() <= 253 && (1..=63).contains(&first.len()),
        "hostname",
        "is longer than a name can be, or begins with a dot",
    );
}

fn wireguard(document: &Value, judge: &mut Judge) {
    let is_key = |text: &str| text.is_empty() || is_wireguard_key(text);
    for path in ["privateKey", "peers.publicKey", "peers.presharedKey"] {
        judge.texts(document, path, is_key, "is no key of 32 bytes in base64");
    }
    let port = document["listenPort"].as_i64().unwrap_or_default();
    judge.expect((0..=65535).contains(&port), "listenPort", "is no port");
    judge.texts(
        document,
        "peers.persistentKeepaliveInterval",
        |text| !is_negative(text),
        "cannot be negative",
    );
}

fn rule(document: &Value, judge: &mut Judge) {
    tables(document, "table", judge);
    let plain = |key: &str| {
        matches!(
            document[key].as_str(),
            None | Some("" | "unspec" | "unicast")
        )
    };
    let no_table = document["table"].is_null() || document["table"] == "unspec";
    judge.expect(
        !(no_table && plain("action")),
        "table",
        "must be there, or an `action` other than `unicast`",
    );
    let masked = !is_nothing(document.get("fwMask")) && is_nothing(document.get("fwMark"));
    judge.expect(!masked, "fwMask", "belongs to `fwMark`");
}

/// Ports and ranges of them, each once.
fn ports(document: &Value, judge: &mut Judge) {
    let mut ranges = Vec::new();
    for value in each(document, "portSelector.ports") {
        let range = range(value);
        judge.expect(
            range.is_some(),
            "portSelector.ports",
            "is a port, or a range such as `80-90`",
        );
        ranges.extend(range);
    }
    ranges.sort_unstable();
    let apart = |pair: &[(u16, u16)]| pair[0].1 < pair[1].0;
    judge.expect(
        ranges.windows(2).all(apart),
        "portSelector.ports",
        "has a port twice",
    );
}

fn range(value: &Value) -> Option<(u16, u16)> {
    let Some(text) = value.as_str() else {
        let port = u16::try_from(value.as_u64()?).ok()?;
        return Some((port, port));
    };
    let (from, to) = text.split_once('-')?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to).then_some((from, to))
}
