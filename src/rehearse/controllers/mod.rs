//! What moves inside the simulated cluster: kubelets, workloads, Helm, flux-operator, Flux.
//!
//! Each controller is a function of (the API's objects, facts about the machines, time). One round
//! runs them all in a fixed order; spans come from one table and the seed, so a world repeats
//! itself exactly. They never talk to a machine and never see the engine.

mod charts;
mod durations;
mod facts;
mod flux_operator;
mod helm;
mod kustomize;
mod nodes;
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

use super::kubernetes::{Api, Key, Store, key_of};

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
    seen: Option<u64>,
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
            seen: None,
            facts: None,
        }
    }

    /// Lets every controller act until none has anything more to do at this moment; returns when
    /// the next one has, if only time is missing.
    pub fn run(&mut self, now: Timestamp, facts: &Facts) -> Option<Timestamp> {
        let version = self.api.read(Store::version);
        let is_new = self.seen != Some(version) || self.facts.as_ref() != Some(facts);
        if !is_new && self.timers.due().is_none_or(|due| due > now) {
            return self.timers.due();
        }
        for _ in 0..ROUNDS {
            let before = self.api.read(Store::version);
            self.timers.begin(now);
            self.run_definitions();
            self.run_nodes(facts);
            self.run_workloads(facts);
            self.run_chart_runner();
            self.run_registered_kinds();
            self.run_flux_operator();
            self.run_sources();
            self.run_kustomizations();
            self.run_helm_releases();
            if self.api.read(Store::version) == before {
                break;
            }
        }
        self.seen = Some(self.api.read(Store::version));
        self.facts = Some(facts.clone());
        self.timers.due()
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

    /// Returns the names of the nodes that are ready.
    pub fn ready_nodes(&self) -> Vec<String> {
        let nodes = self.all("", "nodes");
        let ready = nodes.iter().filter(|node| status::is_true(node, "Ready"));
        ready.map(|node| key_of(node).1).collect()
    }

    /// Returns the names of the nodes that announce the cluster's virtual IP.
    pub fn announcers(&self) -> Vec<String> {
        let pods = self.pods();
        let ready = pods.iter().filter(|pod| {
            let image = pod["spec"]["containers"][0]["image"]
                .as_str()
                .unwrap_or_default();
            image.starts_with("simulated/kube-vip:") && status::is_true(pod, "Ready")
        });
        ready
            .filter_map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned))
            .collect()
    }

    fn find(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        self.api.read(|store| {
            let resource = store.resource(api_version, kind)?;
            store.get(&resource, namespace, name).cloned()
        })
    }

    fn all(&self, group: &str, plural: &str) -> Vec<Arc<Value>> {
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

/// Rounds after which a moment is left, whatever is still moving.
const ROUNDS: usize = 16;

/// An object of the GitOps engine and whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GitOpsObject {
    /// Its kind.
    pub kind: String,
    /// Namespace and name.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// What its readiness says.
    pub message: String,
}
