//! Discovery, registries and kernel modules in the shapes that the `v1alpha1` document had for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::lower::{put, slot};

/// The endpoint that Talos takes unless told otherwise.
const DISCOVERY: &str = "https://discovery.talos.dev/";

pub(super) fn discovery(document: &Value, main: &mut Value) {
    put(main, "cluster.discovery.enabled", json!(true));
    if document["endpoint"] != DISCOVERY {
        put(
            main,
            "cluster.discovery.registries.service.endpoint",
            document["endpoint"].clone(),
        );
    }
}

/// The disk was named, or found by one of a few traits.
pub(super) fn install(document: &Value, main: &mut Value) {
    let install = slot(main, ["machine", "install"].into_iter());
    if let Some(image) = document.pointer("/installer/image") {
        install["image"] = image.clone();
    }
    let provisioning = &document["provisioning"];
    install["wipe"] = provisioning.get("wipe").cloned().unwrap_or(json!(true));
    let expression = provisioning
        .pointer("/diskSelector/match")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let quoted = expression.split('"').nth(1).unwrap_or_default();
    match expression.split_whitespace().next() {
        Some("disk.serial") => install["diskSelector"] = json!({"serial": quoted}),
        Some("disk.wwid") => install["diskSelector"] = json!({"wwid": quoted}),
        Some("disk.transport") => install["diskSelector"] = json!({"type": quoted}),
        _ => install["disk"] = json!(quoted),
    }
}

pub(super) fn registry_mirror(document: &Value, main: &mut Value) {
    let endpoints = document["endpoints"].as_array().into_iter().flatten();
    let mut mirror = json!({"endpoints": endpoints.clone().map(|endpoint| &endpoint["url"]).collect::<Vec<_>>()});
    if endpoints
        .clone()
        .any(|endpoint| endpoint["overridePath"] == true)
    {
        mirror["overridePath"] = json!(true);
    }
    if let Some(skip) = document.get("skipFallback") {
        mirror["skipFallback"] = skip.clone();
    }
    *registry(main, "mirrors", document) = mirror;
}

pub(super) fn registry_auth(document: &Value, main: &mut Value) {
    let mut auth = json!({});
    for (key, before) in [
        ("username", "username"),
        ("password", "password"),
        ("auth", "auth"),
        ("identityToken", "identityToken"),
    ] {
        if let Some(value) = document.get(key) {
            auth[before] = value.clone();
        }
    }
    registry(main, "config", document)["auth"] = auth;
}

/// The certificate is text in the document and base64 before.
pub(super) fn registry_tls(document: &Value, main: &mut Value) {
    let mut tls = json!({});
    if let Some(ca) = document.get("ca") {
        tls["ca"] = match ca.as_str() {
            Some(text) => json!(STANDARD.encode(text)),
            None => ca.clone(),
        };
    }
    if let Some(skip) = document.get("insecureSkipVerify") {
        tls["insecureSkipVerify"] = skip.clone();
    }
    registry(main, "config", document)["tls"] = tls;
}

/// The place of a registry. Its name holds dots, so it is no path.
fn registry<'a>(main: &'a mut Value, part: &str, document: &Value) -> &'a mut Value {
    let host = document["name"].as_str().unwrap_or_default();
    slot(main, ["machine", "registries", part, host].into_iter())
}

pub(super) fn kernel_module(document: &Value, main: &mut Value) {
    let mut module = json!({"name": document["name"]});
    if let Some(parameters) = document.get("parameters") {
        module["parameters"] = parameters.clone();
    }
    put(main, "machine.kernel.modules", json!([module]));
}

/// A file below `/etc` was there already, and got another content.
pub(super) fn etc_file(document: &Value, main: &mut Value) {
    let path = format!("/etc/{}", document["name"].as_str().unwrap_or_default());
    let mode = document.get("mode").cloned().unwrap_or(json!(0o644));
    let file = json!({"path": path, "op": "overwrite", "permissions": mode, "content": document["contents"]});
    put(main, "machine.files", json!([file]));
}

pub(super) fn cri_customization(document: &Value, main: &mut Value) {
    let path = "/etc/cri/conf.d/20-customization.part";
    let file =
        json!({"path": path, "op": "create", "permissions": 0o644, "content": document["content"]});
    put(main, "machine.files", json!([file]));
}
