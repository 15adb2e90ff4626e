//! flux-operator: a FluxInstance becomes Flux, its source and its first Kustomization.

use serde_json::{Value, json};

use super::Controllers;
use super::charts::{self, FLUX_KINDS};
use super::durations::INSTALL_FLUX;
use super::status::{self, Truth};
use crate::rehearse::kubernetes::key_of;

const DEFAULT_COMPONENTS: [&str; 4] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
];

impl Controllers {
    pub(super) fn run_flux_operator(&mut self) {
        if !self.is_running("flux-operator") {
            return;
        }
        for instance in self.all("fluxcd.controlplane.io", "fluxinstances") {
            self.run_instance(&instance);
        }
    }

    fn run_instance(&mut self, instance: &Value) {
        let (namespace, name) = key_of(instance);
        let timer = format!(
            "flux {namespace}/{name} {}",
            instance["metadata"]["generation"]
        );
        if !self.timers.has_passed(&timer, INSTALL_FLUX) {
            let why = ("Progressing", "Reconciliation in progress");
            return self.report_instance(instance, Truth::Unknown, why);
        }
        let listed = instance["spec"]["components"].as_array();
        let components: Vec<&str> = match listed {
            Some(listed) => listed.iter().filter_map(Value::as_str).collect(),
            None => DEFAULT_COMPONENTS.to_vec(),
        };
        for kind in FLUX_KINDS {
            self.own(charts::definition(kind), instance);
        }
        for component in &components {
            self.own(controller(&namespace, component), instance);
        }
        let mut waiting: Vec<String> = components
            .iter()
            .filter(|component| !self.is_running(component))
            .map(|component| format!("Deployment/{namespace}/{component} status: 'InProgress'"))
            .collect();
        waiting.extend(self.run_sync(instance, &namespace));
        if waiting.is_empty() {
            let message = format!("Reconciliation finished in {}s", 20);
            let why = ("ReconciliationSucceeded", message.as_str());
            self.report_instance(instance, Truth::True, why);
        } else {
            let message = format!("timeout waiting for: [{}]", waiting.join(", "));
            self.report_instance(instance, Truth::Unknown, ("Progressing", &message));
        }
    }

    /// Makes the source and the first Kustomization; returns which of them are not ready.
    fn run_sync(&mut self, instance: &Value, namespace: &str) -> Vec<String> {
        let sync = &instance["spec"]["sync"];
        if !sync.is_object() {
            return Vec::new();
        }
        let kind = sync["kind"].as_str().unwrap_or("GitRepository");
        let name = sync["name"].as_str().unwrap_or(namespace);
        let interval = sync["interval"].as_str().unwrap_or("1m");
        let mut source = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"interval": interval, "url": sync["url"], "ref": {"name": sync["ref"]}},
        });
        if let Some(secret) = sync["pullSecret"].as_str() {
            source["spec"]["secretRef"] = json!({"name": secret});
        }
        self.own(source, instance);
        self.own(
            json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"namespace": namespace, "name": name},
                "spec": {"interval": "10m", "path": sync["path"], "prune": true,
                    "sourceRef": {"kind": kind, "name": name}},
            }),
            instance,
        );
        let parts = [
            ("source.toolkit.fluxcd.io/v1", kind),
            ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ];
        let unready = parts.into_iter().filter(|(version, kind)| {
            let live = self.find(version, kind, namespace, name);
            !live.is_some_and(|live| status::is_true(&live, "Ready"))
        });
        unready
            .map(|(_, kind)| format!("{kind}/{namespace}/{name} status: 'InProgress'"))
            .collect()
    }

    /// Applies an object as the operator; a kind that is not served yet is left for later.
    fn own(&mut self, mut object: Value, instance: &Value) {
        let (namespace, name) = key_of(instance);
        let generation = &instance["metadata"]["generation"];
        let mark = format!("own {generation} {} {:?}", object["kind"], key_of(&object));
        if self.recorded.contains(&mark) {
            return;
        }
        let metadata = &mut object["metadata"];
        metadata["labels"]["fluxcd.controlplane.io/name"] = json!(name);
        metadata["labels"]["fluxcd.controlplane.io/namespace"] = json!(namespace);
        metadata["annotations"] = json!({"kustomize.toolkit.fluxcd.io/prune": "Disabled",
            "kustomize.toolkit.fluxcd.io/ssa": "Ignore"});
        if self.api.apply_as("flux-operator", &object).is_ok() {
            self.recorded.insert(mark);
        }
    }

    fn report_instance(&mut self, instance: &Value, truth: Truth, why: (&str, &str)) {
        let (mut new, now) = (instance["status"].clone(), self.timers.now());
        if truth == Truth::True {
            new["observedGeneration"] = instance["metadata"]["generation"].clone();
            status::clear(&mut new, "Reconciling");
        } else {
            status::set(&mut new, now, "Reconciling", Truth::True, why);
        }
        status::set(&mut new, now, "Ready", truth, why);
        self.set_status(instance, new);
    }
}

fn controller(namespace: &str, name: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name,
            "labels": {"app.kubernetes.io/part-of": "flux"}},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "containers": [{"name": "manager", "image": format!("simulated/{name}")}],
            }},
        },
    })
}
