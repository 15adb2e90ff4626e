//! How the system is set: kernel, files, time-out, trust, services of extensions.

use serde_json::{Value, json};

use crate::render::talos::forms::document;
use crate::spec::cluster::Node;

/// The customisation of containerd: a file before 1.14, a document since.
const CONTAINERD: &str = "/etc/cri/conf.d/20-customization.part";

/// Returns the files below `/var`, for which no contract has a document.
pub(super) fn variable_files(node: &Node) -> Vec<Value> {
    let files = node.settings.files.iter();
    files
        .filter(|(path, _)| !path.starts_with("/etc/"))
        .map(|(path, file)| {
            json!({"path": path, "op": "create", "permissions": file.mode, "content": file.content})
        })
        .collect()
}

/// Returns the documents.
pub(super) fn documents(node: &Node) -> Vec<Value> {
    let settings = &node.settings;
    let mut documents = Vec::new();
    let mut add = |wanted: bool, kind: &str, content: Value| {
        documents.extend(wanted.then(|| document(kind, content)));
    };
    let environment = &settings.environment;
    add(
        !environment.is_empty(),
        "EnvironmentConfig",
        json!({"variables": environment}),
    );
    add(
        !settings.sysfs.is_empty(),
        "SysfsConfig",
        json!({"params": settings.sysfs}),
    );
    for (name, parameters) in &settings.modules {
        let mut content = json!({"name": name});
        if !parameters.is_empty() {
            content["parameters"] = json!(parameters);
        }
        add(true, "KernelModuleConfig", content);
    }
    let rules = &settings.udev_rules;
    add(
        !rules.is_empty(),
        "UdevRulesConfig",
        json!({"rules": rules}),
    );
    let arguments = &settings.kubelet_args;
    add(
        !arguments.is_empty(),
        "KubeletConfig",
        json!({"extraArgs": arguments}),
    );
    for (path, file) in &settings.files {
        if path == CONTAINERD {
            let content = json!({"name": "homelab", "content": file.content});
            add(true, "CRICustomizationConfig", content);
        } else if let Some(name) = path.strip_prefix("/etc/") {
            let content = json!({"name": name, "mode": file.mode, "contents": file.content});
            add(true, "EtcFileConfig", content);
        }
    }
    for (address, names) in &settings.hosts {
        add(
            true,
            "StaticHostConfig",
            json!({"name": address, "hostnames": names}),
        );
    }
    for (name, certificates) in &settings.trusted_roots {
        add(
            true,
            "TrustedRootsConfig",
            json!({"name": name, "certificates": certificates}),
        );
    }
    for (name, service) in &settings.extension_services {
        let mut content = json!({"name": name});
        if !service.files.is_empty() {
            let files = service.files.iter();
            content["configFiles"] = files
                .map(|(path, text)| json!({"content": text, "mountPath": path}))
                .collect();
        }
        if !service.environment.is_empty() {
            let variables = service.environment.iter();
            content["environment"] = variables
                .map(|(key, value)| json!(format!("{key}={value}")))
                .collect();
        }
        add(true, "ExtensionServiceConfig", content);
    }
    if let Some(watchdog) = &settings.watchdog {
        let mut content = json!({"device": watchdog.device});
        if let Some(timeout) = &watchdog.timeout {
            content["timeout"] = json!(timeout);
        }
        add(true, "WatchdogTimerConfig", content);
    }
    documents
}
