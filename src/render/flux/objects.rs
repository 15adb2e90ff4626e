//! The forms of Flux' and kustomize's own objects.

use serde_json::{Map, Value, json};

use crate::render::bootstrap::{GITOPS_NAMESPACE, SOPS_AGE_SECRET};

/// What happens to a Flux Kustomization's objects when it goes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenRemoved {
    /// They go too.
    Delete,
    /// They stay: nothing in Git may take the pod network away by mistake.
    Keep,
}

/// A Flux Kustomization in the making.
#[derive(Clone, Debug)]
pub(super) struct FluxKustomization {
    pub(super) name: String,
    /// The folder, relative to the repository's root.
    pub(super) path: String,
    /// Names of the Kustomizations that must be ready first.
    pub(super) depends_on: Vec<String>,
    pub(super) when_removed: WhenRemoved,
    /// Whether its files are encrypted.
    pub(super) is_encrypted: bool,
    /// CEL health checks; see [`crate::catalog::HealthCheck`].
    pub(super) health_checks: Vec<Value>,
    /// Whether `${NAME}` in its objects is replaced from the cluster's settings.
    pub(super) takes_settings: bool,
}

impl FluxKustomization {
    pub(super) fn new(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            depends_on: Vec::new(),
            when_removed: WhenRemoved::Delete,
            is_encrypted: false,
            health_checks: Vec::new(),
            takes_settings: false,
        }
    }

    /// Returns the object. It waits until everything in it is healthy, and tries again soon.
    pub(super) fn object(&self) -> Value {
        let mut spec = Map::new();
        if !self.depends_on.is_empty() {
            let names = self.depends_on.iter().map(|name| json!({"name": name}));
            spec.insert("dependsOn".to_owned(), names.collect());
        }
        spec.insert("interval".to_owned(), "1h".into());
        spec.insert("retryInterval".to_owned(), "1m".into());
        spec.insert("timeout".to_owned(), "10m".into());
        spec.insert("path".to_owned(), format!("./{}", self.path).into());
        spec.insert("prune".to_owned(), true.into());
        if self.when_removed == WhenRemoved::Keep {
            spec.insert("deletionPolicy".to_owned(), "Orphan".into());
        }
        spec.insert("wait".to_owned(), true.into());
        let source = json!({"kind": "GitRepository", "name": GITOPS_NAMESPACE});
        spec.insert("sourceRef".to_owned(), source);
        if self.is_encrypted {
            let decryption = json!({"provider": "sops", "secretRef": {"name": SOPS_AGE_SECRET}});
            spec.insert("decryption".to_owned(), decryption);
        }
        if !self.health_checks.is_empty() {
            let checks = self.health_checks.clone();
            spec.insert("healthCheckExprs".to_owned(), checks.into());
        }
        if self.takes_settings {
            let settings = json!({"kind": "ConfigMap", "name": super::config::SETTINGS});
            let substitution = json!({"substituteFrom": [settings]});
            spec.insert("postBuild".to_owned(), substitution);
        }
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": self.name, "namespace": GITOPS_NAMESPACE},
            "spec": spec,
        })
    }
}

/// Returns kustomize's own list of a folder's files.
pub(super) fn file_list(resources: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    let resources: Vec<Value> = resources.into_iter().map(Into::into).collect();
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    })
}
