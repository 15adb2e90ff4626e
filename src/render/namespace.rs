//! Namespaces with their Pod Security Standard.

use serde_json::{Value, json};

use crate::catalog::{Namespace, PodSecurity};

/// Namespaces that Kubernetes makes itself; nobody else declares them.
const BUILT_IN: [&str; 2] = ["kube-system", "default"];

/// Tells whether somebody has to create the namespace.
pub(super) fn must_be_created(namespace: &Namespace) -> bool {
    !BUILT_IN.contains(&namespace.name.as_str())
}

/// Returns the object; Flux never deletes it, because everything in it would go too.
pub(super) fn object(namespace: &Namespace) -> Value {
    let standard = match namespace.pod_security {
        PodSecurity::Privileged => "privileged",
        PodSecurity::Baseline => "baseline",
        PodSecurity::Restricted => "restricted",
    };
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace.name,
            "annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"},
            "labels": {
                "pod-security.kubernetes.io/audit": standard,
                "pod-security.kubernetes.io/enforce": standard,
                "pod-security.kubernetes.io/warn": standard,
            },
        },
    })
}
