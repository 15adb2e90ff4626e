//! Kubernetes' documents in the shapes that the `v1alpha1` document had for them.

use serde_json::{Value, json};

use super::lower::{get, put};
use crate::render::talos::base::CONTROL_PLANE;
use crate::render::talos::secrets::in_base64;

/// What a patch document holds that takes another away.
const DIRECTIVE: &str = "$patch";

/// Copies fields of a document that are there.
fn copy(document: &Value, main: &mut Value, places: &[(&str, &str)]) {
    for (from, to) in places {
        if let Some(value) = get(document, from) {
            put(main, to, value.clone());
        }
    }
}

/// Before 1.14 Talos set the label and the taint of control planes by itself.
pub(super) fn node(document: &Value, main: &mut Value) {
    let mut document = document.clone();
    for part in ["labels", "taints"] {
        if let Some(entries) = document.get_mut(part).and_then(Value::as_object_mut) {
            entries.shift_remove(CONTROL_PLANE);
            if entries.is_empty() {
                document
                    .as_object_mut()
                    .and_then(|all| all.shift_remove(part));
            }
        }
    }
    let places = [
        ("labels", "machine.nodeLabels"),
        ("annotations", "machine.nodeAnnotations"),
        ("taints", "machine.nodeTaints"),
        ("nodeIP.validSubnets", "machine.kubelet.nodeIP.validSubnets"),
        ("registerWithFQDN", "machine.kubelet.registerWithFQDN"),
        (
            "skipNodeRegistration",
            "machine.kubelet.skipNodeRegistration",
        ),
    ];
    copy(&document, main, &places);
}

pub(super) fn kubelet(document: &Value, main: &mut Value) {
    let places = [
        ("image", "machine.kubelet.image"),
        (
            "defaultRuntimeSeccompProfileEnabled",
            "machine.kubelet.defaultRuntimeSeccompProfileEnabled",
        ),
        ("clusterDNS", "machine.kubelet.clusterDNS"),
        ("extraArgs", "machine.kubelet.extraArgs"),
    ];
    copy(document, main, &places);
    if let Some(config) = document.get("config").filter(|config| !is_empty(config)) {
        put(main, "machine.kubelet.extraConfig", config.clone());
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

pub(super) fn kube_prism(document: &Value, main: &mut Value) {
    put(
        main,
        "machine.features.kubePrism",
        json!({"enabled": true, "port": document["port"]}),
    );
}

/// Workers trust the authority without holding its key.
pub(super) fn authority(document: &Value, main: &mut Value) {
    let pair = match document.pointer("/acceptedCAs/0") {
        Some(certificate) => json!({"crt": in_base64(certificate), "key": ""}),
        None => pair(&document["issuingCA"]),
    };
    put(main, "cluster.ca", pair);
}

pub(super) fn aggregator_authority(document: &Value, main: &mut Value) {
    put(main, "cluster.aggregatorCA", pair(&document["issuingCA"]));
}

fn pair(issuing: &Value) -> Value {
    json!({"crt": in_base64(&issuing["cert"]), "key": in_base64(&issuing["key"])})
}

pub(super) fn service_account(document: &Value, main: &mut Value) {
    let key = in_base64(&document["issuer"]["privateKey"]);
    put(main, "cluster.serviceAccount", json!({"key": key}));
}

pub(super) fn etcd_encryption(document: &Value, main: &mut Value) {
    let secret = "/config/resources/0/providers/0/secretbox/keys/0/secret";
    if let Some(secret) = document.pointer(secret) {
        put(main, "cluster.secretboxEncryptionSecret", secret.clone());
    }
}

pub(super) fn admission_control(document: &Value, main: &mut Value) {
    let plugin = json!({"name": document["name"], "configuration": document["configuration"]});
    put(main, "cluster.apiServer.admissionControl", json!([plugin]));
}

pub(super) fn scheduler(document: &Value, main: &mut Value) {
    let places = [
        ("image", "cluster.scheduler.image"),
        ("extraArgs", "cluster.scheduler.extraArgs"),
        ("env", "cluster.scheduler.env"),
        ("resources", "cluster.scheduler.resources"),
    ];
    copy(document, main, &places);
    if let Some(config) = document.get("config").filter(|config| !is_empty(config)) {
        put(main, "cluster.scheduler.config", config.clone());
    }
}

pub(super) fn proxy(document: &Value, main: &mut Value) {
    let places = [
        ("image", "cluster.proxy.image"),
        ("mode", "cluster.proxy.mode"),
        ("extraArgs", "cluster.proxy.extraArgs"),
    ];
    copy(document, main, &places);
    if document.get("enabled") == Some(&json!(false)) || document.get(DIRECTIVE).is_some() {
        put(main, "cluster.proxy.disabled", json!(true));
    }
}

/// Flannel is what no choice meant; to do without it was a choice.
pub(super) fn flannel(document: &Value, main: &mut Value) {
    if document.get(DIRECTIVE).is_some() {
        put(main, "cluster.network.cni", json!({"name": "none"}));
    }
}

pub(super) fn core_dns(document: &Value, main: &mut Value) {
    if document.get("enabled") == Some(&json!(false)) {
        put(main, "cluster.coreDNS.disabled", json!(true));
    }
    copy(document, main, &[("image", "cluster.coreDNS.image")]);
}

/// The manifest of a network plugin that the generator is told had a place of its own.
pub(super) fn external_manifest(document: &Value, main: &mut Value) {
    if document["name"] == "custom-cni" {
        put(
            main,
            "cluster.network.cni",
            json!({"name": "custom", "urls": [document["url"]]}),
        );
    } else {
        put(main, "cluster.extraManifests", json!([document["url"]]));
    }
}

pub(super) fn inline_manifest(document: &Value, main: &mut Value) {
    let manifest = json!({"name": document["name"], "contents": document["manifest"]});
    put(main, "cluster.inlineManifests", json!([manifest]));
}
