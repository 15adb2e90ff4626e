//! Documents of links, resolvers, time and rules.

use serde_json::Value;

use super::forms::seconds;
use super::{Judge, each, is_nothing};

/// Checks a document of this kind.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    addresses(document, judge);
    match kind {
        "HostnameConfig" => {
            let automatic = document["auto"]
                .as_str()
                .is_some_and(|auto| auto != "off" && !auto.is_empty());
            let named = !is_nothing(document.get("hostname"));
            judge.expect(
                !(automatic && named),
                "auto",
                "cannot be said beside `hostname`",
            );
            judge.expect(
                named || document.get("auto").is_some(),
                "hostname",
                "or `auto` must be there",
            );
        }
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
        "TimeSyncConfig" => {
            let both = document.get("ntp").is_some() && document.get("ptp").is_some();
            judge.expect(!both, "ptp", "cannot be said beside `ntp`");
            let positive = |text: &str| seconds(text).is_none_or(|seconds| seconds >= 0.0);
            judge.texts(document, "bootTimeout", positive, "cannot be negative");
        }
        "KubeSpanConfig" => {
            let mtu = document["mtu"].as_i64();
            judge.expect(mtu.is_none_or(|mtu| mtu >= 1280), "mtu", "is at least 1280");
        }
        "NetworkRuleConfig" => {
            for ports in each(document, "portSelector.ports") {
                judge.expect(
                    is_ports(ports),
                    "portSelector.ports",
                    "is a port, or a range such as `80-90`",
                );
            }
        }
        "BondConfig" | "BridgeConfig" | "DummyLinkConfig" | "VRFConfig" => {
            judge.texts(
                document,
                "hardwareAddr",
                is_hardware,
                "is no hardware address",
            );
        }
        _ => {}
    }
}

/// Addresses of links have the length of their network.
fn addresses(document: &Value, judge: &mut Judge) {
    let with_length = |text: &str| text.is_empty() || text.contains('/');
    judge.texts(
        document,
        "addresses.address",
        with_length,
        "is an address with its network, such as `10.0.0.1/24`",
    );
}

fn is_ports(value: &Value) -> bool {
    let port = |text: &str| text.trim().parse::<u16>().ok();
    match value.as_str() {
        None => value
            .as_u64()
            .is_some_and(|port| u16::try_from(port).is_ok()),
        Some(text) => match text.split_once('-') {
            None => port(text).is_some(),
            Some((from, to)) => port(from)
                .zip(port(to))
                .is_some_and(|(from, to)| from <= to),
        },
    }
}

fn is_hardware(text: &str) -> bool {
    text.is_empty()
        || text
            .split(':')
            .all(|part| part.len() == 2 && u8::from_str_radix(part, 16).is_ok())
}
