//! What moves inside the simulated cluster: kubelets, workloads, Helm, flux-operator, Flux.
//!
//! Each controller is a function of (the API's objects, facts about the machines, time). One round
//! runs those that have something new to see, in a fixed order; spans come from one table and the seed, so a world repeats
//! itself exactly. They never talk to a machine and never see the engine.

mod charts;
mod durations;
mod facts;
mod flux_operator;
mod helm;
mod known;
mod kustomize;
mod nodes;
mod parts;
mod prepare;
mod reconcile;
mod runner;
mod sources;
mod status;
mod timers;
mod workloads;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

pub use facts::{Facts, Kubelet, Remote};
use timers::Timers;
pub(super) use timers::whole_second;

use super::kubernetes::{Api, Key, Object, key_of};

/// The controllers of one cluster.
pub struct Controllers {
    api: Arc<Api>,
    timers: Timers,
    remote: Arc<Remote>,
    /// What each Kustomization applied last: its generation, the commit, and the objects.
    applied: BTreeMap<Key, reconcile::Applied>,
    /// Kustomizations whose last attempt failed.
    failing: BTreeSet<Key>,
    /// What is done once: objects of an installation, records of releases.
    recorded: BTreeSet<String>,
    /// Workloads with nothing left to do, at the version that they were seen at.
    at_rest: BTreeMap<(&'static str, Key), String>,
    hosts: Arc<[workloads::Host]>,
    known: known::Known,
    parts: Vec<parts::State>,
    facts: Option<Facts>,
}

impl Controllers {
    /// Makes the controllers of this cluster, which read this repository.
    pub fn new(api: Arc<Api>, remote: Arc<Remote>, seed: u64, now: Timestamp) -> Self {
        Self {
            api,
            timers: Timers::new(seed, now),
            remote,
            applied: BTreeMap::new(),
            failing: BTreeSet::new(),
            recorded: BTreeSet::new(),
            at_rest: BTreeMap::new(),
            hosts: Arc::new([]),
            known: known::Known::default(),
            parts: parts::states(),
            facts: None,
        }
    }

    /// Returns the GitOps objects with their readiness, for the world's report.
    pub fn gitops(&self) -> Vec<GitOpsObject> {
        let kinds = [
            ("fluxcd.controlplane.io", "fluxinstances"),
            ("source.toolkit.fluxcd.io", "gitrepositories"),
            ("kustomize.toolkit.fluxcd.io", "kustomizations"),
            ("helm.toolkit.fluxcd.io", "helmreleases"),
        ];
        let mut found = Vec::new();
        for (group, plural) in kinds {
            for object in self.all(group, plural) {
                let ready = status::condition(&object, "Ready");
                found.push(GitOpsObject {
                    kind: object["kind"].as_str().unwrap_or_default().to_owned(),
                    name: format!("{}/{}", key_of(&object).0, key_of(&object).1),
                    ready: status::is_true(&object, "Ready"),
                    ready_since: ready
                        .filter(|ready| ready["status"] == "True")
                        .and_then(|ready| ready["lastTransitionTime"].as_str()?.parse().ok()),
                    message: ready
                        .and_then(|ready| ready["message"].as_str())
                        .unwrap_or_default()
                        .to_owned(),
                });
            }
        }
        found
    }

    /// Applies what Talos brings into every cluster by itself.
    pub fn install_base(&self) {
        let labels = serde_json::json!({"k8s-app": "kube-dns"});
        let toleration = serde_json::json!({"key": "node-role.kubernetes.io/control-plane"});
        let dns = serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "kube-system", "name": "coredns"},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"tolerations": [toleration],
                    "containers": [{"name": "coredns", "image": "simulated/coredns"}]},
            }},
        });
        let _ = self.api.apply_as("talos", &dns);
    }

    fn find(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Object> {
        self.api.read(|store| {
            let resource = store.resource(api_version, kind)?;
            store.get(&resource, namespace, name).cloned()
        })
    }

    fn all(&self, group: &str, plural: &str) -> Vec<Object> {
        self.api
            .read(|store| store.list(group, plural).cloned().collect())
    }

    /// Applies an object that the cluster itself makes.
    fn put(&self, object: &Value) {
        // A refusal means that its namespace or kind is gone again; the next round sees to it.
        let _ = self.api.apply(object);
    }

    fn set_status(&self, object: &Value, status: Value) {
        let resource = self.api.read(|store| store.resource_of(object));
        if let Some(resource) = resource {
            self.api.set_status(&resource, &key_of(object), status);
        }
    }
}

/// An object of the GitOps engine and whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GitOpsObject {
    /// Its kind.
    pub kind: String,
    /// Namespace and name.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Since when.
    pub ready_since: Option<Timestamp>,
    /// What its readiness says.
    pub message: String,
}
