//! What the kubelet of a Talos node may be told, and words of Kubernetes.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::Judge;

/// Settings that Talos keeps for itself.
const OWN: &[&str] = &[
    "apiVersion",
    "kind",
    "authentication",
    "authorization",
    "cgroupRoot",
    "kubeletCgroups",
    "systemCgroups",
    "port",
    "protectKernelDefaults",
    "resolvConf",
    "rotateCertificates",
    "seccompDefault",
    "staticPodPath",
];

/// Checks the kubelet's own settings at a path.
pub(super) fn settings(settings: &Value, path: &str, judge: &mut Judge) {
    for key in OWN {
        judge.expect(
            settings.get(key).is_none(),
            &format!("{path}.{key}"),
            "cannot be set: Talos sets it",
        );
    }
}

/// Networks, those with `!` before them taken away.
pub(super) fn is_subnet(text: &str) -> bool {
    let text = text.strip_prefix('!').unwrap_or(text);
    text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok()
}

/// Checks labels, annotations and taints of the node.
pub(super) fn words(document: &Value, [labels, annotations, taints]: [&str; 3], judge: &mut Judge) {
    let entries = |path: &str| super::super::at(document, path).and_then(Value::as_object);
    for path in [labels, annotations, taints] {
        for (key, _) in entries(path).into_iter().flatten() {
            judge.expect(
                is_key(key),
                path,
                &format!("has the key `{key}`, which Kubernetes does not take"),
            );
        }
    }
    for (_, value) in entries(labels).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        judge.expect(
            text.is_empty() || is_name(text),
            labels,
            &format!("has the value `{text}`, which Kubernetes does not take"),
        );
    }
    for (_, value) in entries(taints).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let effect = text.rsplit_once(':').map_or(text, |(_, effect)| effect);
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        judge.expect(
            known,
            taints,
            &format!("has the effect `{effect}`, which Kubernetes does not know"),
        );
    }
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => {
            is_name(name) && domain.len() <= 253 && domain.split('.').all(is_label)
        }
        None => is_name(key),
    }
}

fn is_label(text: &str) -> bool {
    is_name(text)
        && text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

fn is_name(text: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let outer = |letter: char| letter.is_ascii_alphanumeric();
    text.len() <= 63 && text.starts_with(outer) && text.ends_with(outer) && text.chars().all(inner)
}
