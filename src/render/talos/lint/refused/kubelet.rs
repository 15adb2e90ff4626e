//! What the kubelet of a Talos node may be told, and words of Kubernetes.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::Judge;
use crate::model::{is_label_key, is_word};

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

/// Annotations in which Talos keeps what it set.
const RESERVED: &[&str] = &[
    "talos.dev/owned-labels",
    "talos.dev/owned-annotations",
    "talos.dev/owned-taints",
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
                is_label_key(key),
                path,
                &format!("has the key `{key}`, which Kubernetes does not take"),
            );
        }
    }
    for (key, _) in entries(annotations).into_iter().flatten() {
        judge.expect(
            !RESERVED.contains(&key.as_str()),
            annotations,
            &format!("has the key `{key}`, which is Talos' own"),
        );
    }
    for (_, value) in entries(labels).into_iter().flatten() {
        value_of_label(value.as_str().unwrap_or_default(), labels, judge);
    }
    for (_, value) in entries(taints).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let (value, effect) = text.split_once(':').unwrap_or(("", text));
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        judge.expect(
            known,
            taints,
            &format!("has the effect `{effect}`, which Kubernetes does not know"),
        );
        value_of_label(value, taints, judge);
    }
}

fn value_of_label(text: &str, path: &str, judge: &mut Judge) {
    judge.expect(
        text.is_empty() || is_word(text),
        path,
        &format!("has the value `{text}`, which Kubernetes does not take"),
    );
}
