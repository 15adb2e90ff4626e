//! Documents beside the main one.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::forms::seconds;
use super::{Judge, each, network, volume};
use crate::spec::cluster::Role;

/// Kinds that only control planes take.
const CONTROL_PLANE: &[&str] = &[
    "KubeAggregatorCAConfig",
    "KubeAPIServerConfig",
    "KubeControllerManagerConfig",
    "KubeSchedulerConfig",
    "KubeProxyConfig",
    "KubeAdmissionControlConfig",
    "KubeAuditPolicyConfig",
    "KubeAuthenticationConfig",
    "KubeAuthorizerConfig",
    "KubeEtcdEncryptionConfig",
    "KubeServiceAccountConfig",
    "KubeFlannelCNIConfig",
    "KubeCoreDNSConfig",
    "KubeTalosAPIAccessConfig",
];

/// Tells whether a text has its form.
type Form = fn(&str) -> bool;

/// Kind, path, the form of its texts, and what is said of another.
const TEXTS: &[(&str, &str, Form, &str)] = &[
    (
        "WatchdogTimerConfig",
        "timeout",
        long_enough,
        "is at least `10s`",
    ),
    (
        "EventSinkConfig",
        "endpoint",
        has_port,
        "is a host and a port",
    ),
    (
        "KmsgLogConfig",
        "url",
        is_log_url,
        "is `udp://HOST:PORT/` or `tcp://HOST:PORT/`",
    ),
    (
        "SideroLinkConfig",
        "apiUrl",
        is_join_url,
        "begins with `https://` or `grpc://`",
    ),
    (
        "RegistryMirrorConfig",
        "endpoints.url",
        is_web_url,
        "begins with `https://` or `http://`",
    ),
    ("RegistryTLSConfig", "ca", is_pem, "is a certificate in PEM"),
    ("OOMConfig", "triggerExpression", is_expression, WHOLE),
    ("OOMConfig", "cgroupRankingExpression", is_expression, WHOLE),
    ("LinkAliasConfig", "selector.match", is_expression, WHOLE),
    (
        "UnattendedInstallConfig",
        "provisioning.diskSelector.match",
        is_expression,
        WHOLE,
    ),
    ("BlackholeRouteConfig", "name", is_network, "is a network"),
    ("Layer2VIPConfig", "name", is_address, "is an address"),
    ("HCloudVIPConfig", "name", is_address, "is an address"),
    ("StaticHostConfig", "name", is_address, "is an address"),
    (
        "RoutingRuleConfig",
        "name",
        is_priority,
        "is a priority from 1 to 32765, without 32500",
    ),
];

const WHOLE: &str = "is no whole expression (CEL)";

/// Checks a document of this kind.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    if CONTROL_PLANE.contains(&kind) && judge.role == Role::Worker {
        judge.refuse("kind", "is for control planes only");
    }
    for (_, path, form, what) in TEXTS.iter().filter(|(of, ..)| *of == kind) {
        judge.texts(document, path, form, what);
    }
    match kind {
        "VolumeConfig" | "UserVolumeConfig" | "RawVolumeConfig" | "SwapVolumeConfig" => {
            volume::check(kind, document, judge);
        }
        "ZswapConfig" => {
            let share = document["maxPoolPercent"].as_i64().unwrap_or_default();
            judge.expect(
                (0..=100).contains(&share),
                "maxPoolPercent",
                "is between 0 and 100",
            );
        }
        "ImageVerificationConfig" => {
            for keyless in each(document, "rules.keyless") {
                let named = ["subject", "subjectRegex"]
                    .iter()
                    .any(|key| keyless.get(key).is_some());
                judge.expect(
                    named,
                    "rules.keyless",
                    "names a `subject` or `subjectRegex`",
                );
            }
        }
        _ => network::check(kind, document, judge),
    }
}

fn long_enough(text: &str) -> bool {
    seconds(text).is_none_or(|seconds| seconds == 0.0 || seconds >= 10.0)
}

fn is_join_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("grpc://")
}

fn is_web_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn is_pem(text: &str) -> bool {
    text.is_empty() || text.contains("-----BEGIN CERTIFICATE-----")
}

fn is_network(text: &str) -> bool {
    text.parse::<IpNet>().is_ok()
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn is_priority(text: &str) -> bool {
    text.parse::<u32>()
        .is_ok_and(|number| (1..=32765).contains(&number) && number != 32500)
}

fn has_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

fn is_log_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("udp://")
        .or_else(|| text.strip_prefix("tcp://"));
    rest.is_some_and(|rest| has_port(rest.strip_suffix('/').unwrap_or(rest)))
}

/// Whether an expression is whole: brackets and quotes are closed, and it does not end in the middle. What
/// it means only Talos knows.
pub(super) fn is_expression(text: &str) -> bool {
    let (mut open, mut quote) = (Vec::new(), None);
    for letter in text.chars() {
        if let Some(end) = quote {
            quote = Some(end).filter(|end| *end != letter);
            continue;
        }
        match letter {
            '"' | '\'' => quote = Some(letter),
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(letter) => return false,
            _ => {}
        }
    }
    let cut = text
        .trim_end()
        .ends_with(['=', '<', '>', '+', '-', '*', '/', '&', '|', '!', ',', '.']);
    quote.is_none() && open.is_empty() && !cut
}
