//! Documents beside the main one.

use serde_json::Value;

use super::forms::{is_address, is_negative, is_network, seconds};
use super::{Judge, each, expression, is_nothing, network, volume};
use crate::render::talos::url;
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

const POSITIVE: &str = "cannot be negative";

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
        "begins with `https://` or `grpc://`, and has no path",
    ),
    (
        "RegistryMirrorConfig",
        "endpoints.url",
        is_web_url,
        "begins with `https://` or `http://`",
    ),
    (
        "RegistryTLSConfig",
        "ca",
        is_certificate,
        "is a certificate in PEM",
    ),
    (
        "RegistryTLSConfig",
        "clientIdentity.cert",
        is_certificate,
        "is a certificate in PEM",
    ),
    (
        "RegistryTLSConfig",
        "clientIdentity.key",
        is_key,
        "is a private key in PEM",
    ),
    ("BlackholeRouteConfig", "name", is_network, "is a network"),
    (
        "RoutingRuleConfig",
        "src",
        is_network_if_any,
        "is a network",
    ),
    (
        "RoutingRuleConfig",
        "dst",
        is_network_if_any,
        "is a network",
    ),
    ("Layer2VIPConfig", "name", is_address, "is an address"),
    ("HCloudVIPConfig", "name", is_address, "is an address"),
    ("StaticHostConfig", "name", is_address, "is an address"),
    (
        "RoutingRuleConfig",
        "name",
        is_priority,
        "is a priority from 1 to 32765, without 32500",
    ),
    ("OOMConfig", "sampleInterval", not_negative, POSITIVE),
    ("TCPProbeConfig", "interval", not_negative, POSITIVE),
    ("TCPProbeConfig", "timeout", not_negative, POSITIVE),
    ("TimeSyncConfig", "bootTimeout", not_negative, POSITIVE),
];

/// Checks a document of this kind.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    if CONTROL_PLANE.contains(&kind) && judge.machine.role == Role::Worker {
        judge.refuse("kind", "is for control planes only");
    }
    for (_, path, form, what) in TEXTS.iter().filter(|(of, ..)| *of == kind) {
        judge.texts(document, path, form, what);
    }
    expression::check(kind, document, judge);
    match kind {
        "VolumeConfig"
        | "UserVolumeConfig"
        | "RawVolumeConfig"
        | "SwapVolumeConfig"
        | "ExistingVolumeConfig"
        | "ExternalVolumeConfig" => {
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
        "EnvironmentConfig" => variables(document, judge),
        "ExtensionServiceConfig" => {
            let said = ["configFiles", "environment"]
                .iter()
                .any(|key| !is_nothing(document.get(key)));
            judge.expect(said, "configFiles", "or `environment` must be there");
        }
        "ImageVerificationConfig" => {
            for rule in each(document, "rules") {
                verification(rule, judge);
            }
        }
        "RegistryAuthConfig" => login(document, judge),
        "RegistryTLSConfig" => {
            let identity = &document["clientIdentity"];
            let whole = ["cert", "key"]
                .iter()
                .all(|key| !is_nothing(identity.get(key)));
            judge.expect(
                identity.is_null() || whole,
                "clientIdentity",
                "needs `cert` and `key`",
            );
        }
        _ => network::check(kind, document, judge),
    }
}

/// Names as POSIX has them.
fn variables(document: &Value, judge: &mut Judge) {
    for (name, _) in document["variables"].as_object().into_iter().flatten() {
        let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
        let fits = name.starts_with(first)
            && name
                .chars()
                .all(|letter| first(letter) || letter.is_ascii_digit());
        judge.expect(
            fits,
            "variables",
            &format!("has the name `{name}`, which no variable can have"),
        );
    }
}

/// A rule that lets images pass, keeps them out, or names who signs them.
fn verification(rule: &Value, judge: &mut Judge) {
    let (skip, deny) = (rule["skip"] == true, rule["deny"] == true);
    let ways = ["keyless", "publicKey"];
    let ways = ways.iter().filter(|way| !rule[**way].is_null()).count();
    let said = usize::from(skip) + usize::from(deny) + ways;
    judge.expect(
        said == 1,
        "rules",
        "needs one of `skip`, `deny`, `keyless`, `publicKey` in each",
    );
    if let Some(keyless) = rule.get("keyless").filter(|keyless| !keyless.is_null()) {
        let named = ["subject", "subjectRegex"]
            .iter()
            .any(|key| !is_nothing(keyless.get(key)));
        judge.expect(
            named,
            "rules.keyless",
            "names a `subject` or `subjectRegex`",
        );
    }
}

/// One way to log in.
fn login(document: &Value, judge: &mut Judge) {
    let ways = ["username", "identityToken", "auth"]
        .iter()
        .filter(|key| !is_nothing(document.get(key)))
        .count();
    judge.expect(
        ways <= 1,
        "username",
        "is one of three ways to log in, beside `identityToken` and `auth`",
    );
}

fn is_network_if_any(text: &str) -> bool {
    text.is_empty() || is_network(text)
}

fn long_enough(text: &str) -> bool {
    seconds(text).is_none_or(|seconds| seconds == 0.0 || seconds >= 10.0)
}

fn not_negative(text: &str) -> bool {
    !is_negative(text)
}

fn is_join_url(text: &str) -> bool {
    url::read(text)
        .is_some_and(|url| ["https", "grpc"].contains(&url.scheme) && ["", "/"].contains(&url.path))
}

fn is_web_url(text: &str) -> bool {
    url::read(text).is_some_and(|url| ["http", "https"].contains(&url.scheme))
}

fn is_log_url(text: &str) -> bool {
    url::read(text).is_some_and(|url| {
        ["tcp", "udp"].contains(&url.scheme)
            && ["", "/"].contains(&url.path)
            && !url.port().is_empty()
    })
}

fn is_certificate(text: &str) -> bool {
    text.is_empty() || text.contains("-----BEGIN CERTIFICATE-----")
}

fn is_key(text: &str) -> bool {
    text.is_empty() || text.contains("PRIVATE KEY-----")
}

fn is_priority(text: &str) -> bool {
    // What the kernel and KubeSpan keep for themselves.
    let reserved = [0, 32500, 32766, 32767];
    text.parse::<u32>()
        .is_ok_and(|number| !reserved.contains(&number))
}

/// A host and a port, as Go splits them: an address of version 6 is in brackets, and the port may be any text.
pub(super) fn has_port(text: &str) -> bool {
    let parts = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => text.split_once(':'),
    };
    parts.is_some_and(|(host, port)| !host.contains(['[', ']']) && !port.contains([':', '[', ']']))
}
