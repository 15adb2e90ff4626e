//! The main document, as far as it is about the cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::at;
use super::{Judge, each, is_nothing, kubelet};
use crate::render::talos::{Contract, url};
use crate::spec::cluster::Role;

/// Checks the document.
pub(super) fn check(main: &Value, judge: &mut Judge) {
    if judge.machine.contract < Contract::V1_14Alpha {
        let endpoint = at(main, "cluster.controlPlane.endpoint");
        judge.expect(
            !is_nothing(endpoint),
            "cluster.controlPlane.endpoint",
            "must be there",
        );
    }
    judge.texts(
        main,
        "cluster.controlPlane.endpoint",
        |text| text.is_empty() || is_endpoint(text),
        "is no URL of a host",
    );
    judge.texts(
        main,
        "cluster.network.dnsDomain",
        |text| text.is_empty() || is_name(text),
        "is no domain",
    );
    if judge.machine.role == Role::ControlPlane {
        cni(main, judge);
    }
    manifests(main, judge);
    discovery(main, judge);
    etcd(main, judge);
    programs(main, judge);
}

/// A name of the DNS as Talos takes it: it may have underscores, and end in a dot.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix(['.', '_']).unwrap_or(text);
    let first = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.starts_with(first)
            && label.chars().all(|letter| first(letter) || letter == '-')
    };
    text.len() <= 255 && text.split('.').all(label)
}

/// A URL that names a host, and a port that is one.
fn is_endpoint(text: &str) -> bool {
    url::read(text).is_some_and(|url| {
        let port = url.port();
        !url.name().is_empty()
            && (port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0))
    })
}

fn cni(main: &Value, judge: &mut Judge) {
    const PATH: &str = "cluster.network.cni";
    let Some(cni) = at(main, PATH) else { return };
    let name = cni["name"].as_str().unwrap_or_default();
    let urls = each(cni, "urls");
    judge.expect(
        ["flannel", "custom", "none"].contains(&name),
        "cluster.network.cni.name",
        "takes `flannel`, `custom`, `none`",
    );
    judge.expect(
        urls.is_empty() || name == "custom",
        "cluster.network.cni.urls",
        "are for `custom` only",
    );
    judge.texts(main, "cluster.network.cni.urls", is_endpoint, "is no URL");
    let flannel = ["extraArgs", "kubeNetworkPoliciesEnabled"]
        .iter()
        .any(|key| !is_nothing(cni["flannel"].get(key)));
    judge.expect(
        !flannel || name == "flannel",
        "cluster.network.cni.flannel",
        "is for `flannel` only",
    );
}

fn manifests(main: &Value, judge: &mut Judge) {
    const PATH: &str = "cluster.inlineManifests";
    let mut names = BTreeSet::new();
    for manifest in each(main, PATH) {
        let name = manifest["name"].as_str().unwrap_or_default();
        judge.expect(!name.trim().is_empty(), PATH, "needs a `name` in each");
        judge.expect(
            names.insert(name),
            PATH,
            &format!("has the name `{name}` twice"),
        );
    }
    let manifests = each(main, "cluster.externalCloudProvider.manifests");
    let enabled = at(main, "cluster.externalCloudProvider.enabled") == Some(&Value::Bool(true));
    judge.expect(
        manifests.is_empty() || enabled,
        "cluster.externalCloudProvider.manifests",
        "are for an enabled provider",
    );
    judge.texts(
        main,
        "cluster.externalCloudProvider.manifests",
        is_endpoint,
        "is no URL",
    );
}

fn discovery(main: &Value, judge: &mut Judge) {
    let on = |path: &str| at(main, path) == Some(&Value::Bool(true));
    let enabled = on("cluster.discovery.enabled");
    let mesh = on("machine.network.kubespan.enabled");
    judge.expect(
        enabled || !mesh,
        "cluster.discovery.enabled",
        "must be true for KubeSpan",
    );
    let by_service = enabled && !on("cluster.discovery.registries.service.disabled");
    for key in ["cluster.id", "cluster.secret"] {
        judge.expect(
            !(by_service || mesh) || !is_nothing(at(main, key)),
            key,
            "must be there for discovery",
        );
    }
    if by_service {
        judge.texts(
            main,
            "cluster.discovery.registries.service.endpoint",
            |text| text.is_empty() || is_bare(text),
            "is a URL without a path",
        );
    }
}

/// A URL without a path; what has no scheme is a path.
fn is_bare(text: &str) -> bool {
    let empty = |url: url::Parts<'_>| !url.scheme.is_empty() && ["", "/"].contains(&url.path);
    text == "/" || url::read(text).is_some_and(empty)
}

fn etcd(main: &Value, judge: &mut Judge) {
    let Some(etcd) = at(main, "cluster.etcd") else {
        return;
    };
    if judge.machine.role == Role::Worker {
        judge.refuse("cluster.etcd", "is for control planes only");
        return;
    }
    if judge.machine.contract < Contract::V1_14Alpha {
        judge.expect(!etcd["ca"].is_null(), "cluster.etcd.ca", "must be there");
    }
    let is_old = !is_nothing(etcd.get("subnet"));
    judge.expect(
        !is_old || is_nothing(etcd.get("advertisedSubnets")),
        "cluster.etcd.subnet",
        "cannot be said beside `advertisedSubnets`, which took its place",
    );
    for path in [
        "cluster.etcd.subnet",
        "cluster.etcd.advertisedSubnets",
        "cluster.etcd.listenSubnets",
    ] {
        judge.texts(
            main,
            path,
            |text| text.is_empty() && path.ends_with("subnet") || kubelet::is_subnet(text),
            "is no network",
        );
    }
}

/// The programs of Kubernetes: what they may use, and how requests are authorized.
fn programs(main: &Value, judge: &mut Judge) {
    for program in ["apiServer", "controllerManager", "scheduler"] {
        for part in ["requests", "limits"] {
            let path = format!("cluster.{program}.resources.{part}");
            let resources = at(main, &path).and_then(Value::as_object);
            for (key, _) in resources.into_iter().flatten() {
                judge.expect(
                    ["cpu", "memory"].contains(&key.as_str()),
                    &path,
                    &format!("has `{key}`; it takes `cpu` and `memory`"),
                );
            }
        }
    }
    let server = &main["cluster"]["apiServer"];
    if server["authorizationConfig"].is_array() {
        for (key, _) in server["extraArgs"].as_object().into_iter().flatten() {
            let clashes = key == "authorization-mode" || key.starts_with("authorization-webhook-");
            judge.expect(
                !clashes,
                "cluster.apiServer.extraArgs",
                &format!("cannot have `{key}` beside `authorizationConfig`"),
            );
        }
    }
}
