//! Deployments, DaemonSets, StatefulSets and Jobs get pods; pods start when their node lets them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::durations::{CUSTOM_READY, ESTABLISH, POLL, START_POD};
use super::status::{self, Truth};
use super::{Controllers, Facts, runner};
use crate::rehearse::kubernetes::key_of;

/// A node as the scheduler sees it.
#[derive(Debug, PartialEq)]
pub(super) struct Host {
    name: String,
    labels: Value,
    taints: Vec<Value>,
    is_ready: bool,
}

impl Controllers {
    /// Definitions become established a moment after they are written.
    pub(super) fn run_definitions(&mut self) {
        for definition in self.all("apiextensions.k8s.io", "customresourcedefinitions") {
            let name = key_of(&definition).1;
            if status::is_true(&definition, "Established")
                || !self
                    .timers
                    .has_passed(&format!("establish {name}"), ESTABLISH)
            {
                continue;
            }
            let mut new = definition["status"].clone();
            let now = self.timers.now();
            let names = ("NoConflicts", "no conflicts found");
            status::set(&mut new, now, "NamesAccepted", Truth::True, names);
            let done = (
                "InitialNamesAccepted",
                "the initial names have been accepted",
            );
            status::set(&mut new, now, "Established", Truth::True, done);
            self.set_status(&definition, new);
            self.api.establish(&definition);
        }
    }

    pub(super) fn run_workloads(&mut self, facts: &Facts) {
        let hosts = self.hosts(facts);
        if *self.hosts != *hosts {
            self.hosts = hosts.into();
            self.at_rest.clear();
        }
        let hosts = Arc::clone(&self.hosts);
        for plural in ["daemonsets", "deployments", "statefulsets"] {
            for workload in self.all("apps", plural) {
                self.run_unless_at_rest(plural, &workload, &hosts);
            }
        }
        for job in self.all("batch", "jobs") {
            self.run_job(&job, &hosts);
        }
        self.run_custom();
    }

    fn hosts(&self, facts: &Facts) -> Vec<Host> {
        let nodes = self.all("", "nodes");
        let kubelets = facts.kubelets.iter().filter(|kubelet| kubelet.is_up);
        let up: BTreeSet<&str> = kubelets.map(|kubelet| kubelet.name.as_str()).collect();
        nodes
            .iter()
            .map(|node| (key_of(node).1, node))
            .filter(|(name, _)| up.contains(name.as_str()))
            .map(|(name, node)| Host {
                labels: node["metadata"]["labels"].clone(),
                taints: node["spec"]["taints"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default(),
                is_ready: status::is_true(node, "Ready"),
                name,
            })
            .collect()
    }

    /// A workload whose pods are all ready is left alone until it changes, or a node does.
    fn run_unless_at_rest(&mut self, plural: &'static str, workload: &Value, hosts: &[Host]) {
        let version = workload["metadata"]["resourceVersion"].as_str();
        let version = version.unwrap_or_default().to_owned();
        let key = (plural, key_of(workload));
        if self.at_rest.get(&key) != Some(&version) && self.run_workload(workload, hosts) {
            self.at_rest.insert(key, version);
        }
    }

    /// Moves a workload's pods on; tells whether nothing is left to do.
    fn run_workload(&mut self, workload: &Value, hosts: &[Host]) -> bool {
        let is_daemon = workload["kind"] == "DaemonSet";
        let template = &workload["spec"]["template"];
        let fitting: Vec<&Host> = hosts
            .iter()
            .filter(|host| host.admits(&template["spec"], is_daemon))
            .collect();
        let wanted = if is_daemon {
            fitting.len()
        } else {
            let replicas = workload["spec"]["replicas"].as_u64().unwrap_or(1);
            usize::try_from(replicas).unwrap_or(usize::MAX)
        };
        let mut ready = 0;
        for index in 0..wanted {
            let host = match fitting.len() {
                0 => None,
                count => Some(fitting[index % count]),
            };
            let mark = match host {
                Some(host) if is_daemon => host.name.clone(),
                _ => index.to_string(),
            };
            ready += usize::from(self.run_pod(workload, &mark, host));
        }
        let status = if is_daemon {
            daemon_status(workload, wanted, ready)
        } else {
            self.replica_status(workload, wanted, ready)
        };
        let is_at_rest = ready == wanted && workload["status"] == status;
        self.set_status(workload, status);
        is_at_rest
    }

    /// Makes the pod and moves it on; tells whether it is ready.
    fn run_pod(&mut self, owner: &Value, mark: &str, host: Option<&Host>) -> bool {
        let (namespace, name) = key_of(owner);
        let name = format!("{name}-{mark}");
        if self.find("v1", "Pod", &namespace, &name).is_none() {
            self.put(&new_pod(owner, &namespace, &name, host));
        }
        let Some(pod) = self.find("v1", "Pod", &namespace, &name) else {
            return false;
        };
        let timer = format!("pod {namespace}/{name}");
        let now = self.timers.now();
        let Some(host) = host else {
            self.timers.reset(&timer);
            let why = ("Unschedulable", "0 nodes are available");
            if status::says(&pod, "Ready", Truth::False, why) {
                return false;
            }
            let mut new = pod["status"].clone();
            new["phase"] = json!("Pending");
            status::set(&mut new, now, "PodScheduled", Truth::False, why);
            status::set(&mut new, now, "Ready", Truth::False, why);
            self.set_status(&pod, new);
            return false;
        };
        if pod["spec"]["nodeName"].is_null() {
            self.put(&new_pod(owner, &namespace, &name, Some(host)));
        }
        let has_network = host.is_ready || pod["spec"]["hostNetwork"] == true;
        let runs = pod["status"]["phase"] == "Running";
        if has_network && !runs && self.lacks_image(&pod, owner) {
            return false;
        }
        let is_ready = has_network && self.timers.has_passed(&timer, START_POD);
        let (phase, truth, why) = if is_ready {
            ("Running", Truth::True, ("", ""))
        } else {
            let why = ("ContainersNotReady", "containers with unready status");
            ("Pending", Truth::False, why)
        };
        if pod["status"]["phase"] != phase || !status::says(&pod, "Ready", truth, why) {
            let mut new = pod["status"].clone();
            new["phase"] = json!(phase);
            if !new["containerStatuses"].is_null() {
                new["containerStatuses"] = json!([{"name": "main", "state": {"running": {}}}]);
            }
            status::set(&mut new, now, "PodScheduled", Truth::True, ("", ""));
            status::set(&mut new, now, "Ready", truth, why);
            self.set_status(&pod, new);
        }
        is_ready
    }

    /// Lets a pod wait for an image that no registry has, as the kubelet words it, and look again
    /// later; tells whether it has to.
    fn lacks_image(&mut self, pod: &Value, owner: &Value) -> bool {
        let (namespace, name) = key_of(owner);
        let workload = format!("{namespace}/{name}");
        if !self.api.faults().lacks_image(&workload) {
            return false;
        }
        let again = format!("pull {}", key_of(pod).1);
        if self.timers.has_passed(&again, POLL) {
            self.timers.reset(&again);
            self.timers.has_passed(&again, POLL);
        }
        let why = (
            "ContainersNotReady",
            "containers with unready status: [main]",
        );
        if !status::says(pod, "Ready", Truth::False, why) {
            let image = pod["spec"]["containers"][0]["image"].as_str();
            let message = format!("Back-off pulling image {:?}", image.unwrap_or_default());
            let waiting = json!({"reason": "ImagePullBackOff", "message": message});
            let mut new = pod["status"].clone();
            new["phase"] = json!("Pending");
            new["containerStatuses"] = json!([{"name": "main", "state": {"waiting": waiting}}]);
            let now = self.timers.now();
            status::set(&mut new, now, "PodScheduled", Truth::True, ("", ""));
            status::set(&mut new, now, "Ready", Truth::False, why);
            self.set_status(pod, new);
        }
        true
    }

    fn replica_status(&self, workload: &Value, wanted: usize, ready: usize) -> Value {
        let mut new = workload["status"].clone();
        new["observedGeneration"] = workload["metadata"]["generation"].clone();
        for name in ["replicas", "updatedReplicas", "currentReplicas"] {
            new[name] = json!(wanted);
        }
        new["readyReplicas"] = json!(ready);
        new["availableReplicas"] = json!(ready);
        if workload["kind"] == "Deployment" {
            let now = self.timers.now();
            let is_done = ready >= wanted;
            let (truth, why) = if is_done {
                let why = (
                    "MinimumReplicasAvailable",
                    "Deployment has minimum availability.",
                );
                (Truth::True, why)
            } else {
                let why = (
                    "MinimumReplicasUnavailable",
                    "Deployment does not have minimum availability.",
                );
                (Truth::False, why)
            };
            status::set(&mut new, now, "Available", truth, why);
            let progress = if is_done {
                (
                    "NewReplicaSetAvailable",
                    "ReplicaSet has successfully progressed.",
                )
            } else {
                ("ReplicaSetUpdated", "ReplicaSet is progressing.")
            };
            status::set(&mut new, now, "Progressing", Truth::True, progress);
        }
        new
    }

    fn run_job(&mut self, job: &Value, hosts: &[Host]) {
        if status::is_true(job, "Complete") || status::is_true(job, "Failed") {
            return;
        }
        let spec = &job["spec"]["template"]["spec"];
        let host = hosts.iter().find(|host| host.admits(spec, false));
        let is_running = self.run_pod(job, "0", host);
        let mut new = job["status"].clone();
        new["active"] = json!(1);
        new["ready"] = json!(usize::from(is_running));
        self.set_status(job, new);
        if is_running && !runner::runs_charts(job) {
            self.complete(job);
        }
    }

    /// Ends a Job well.
    pub(super) fn complete(&mut self, job: &Value) {
        let now = self.timers.now();
        let mut new = job["status"].clone();
        new["active"] = json!(0);
        new["ready"] = json!(0);
        new["succeeded"] = json!(1);
        let why = (
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        );
        status::set(&mut new, now, "Complete", Truth::True, why);
        self.set_status(job, new);
        let (namespace, name) = key_of(job);
        if let Some(pod) = self.find("v1", "Pod", &namespace, &format!("{name}-0")) {
            let mut new = pod["status"].clone();
            new["phase"] = json!("Succeeded");
            status::set(&mut new, now, "Ready", Truth::False, ("PodCompleted", ""));
            self.set_status(&pod, new);
        }
    }

    /// Custom resources whose own controllers report readiness.
    fn run_custom(&mut self) {
        for (group, plural) in [
            ("cert-manager.io", "clusterissuers"),
            ("cert-manager.io", "issuers"),
            ("cert-manager.io", "certificates"),
        ] {
            for object in self.all(group, plural) {
                let (namespace, name) = key_of(&object);
                let timer = format!("{plural} {namespace}/{name}");
                if status::is_true(&object, "Ready")
                    || !self.is_running("cert-manager")
                    || !self.timers.has_passed(&timer, CUSTOM_READY)
                {
                    continue;
                }
                let mut new = object["status"].clone();
                let why = ("Ready", "simulated: the issuer answered");
                status::set(&mut new, self.timers.now(), "Ready", Truth::True, why);
                self.set_status(&object, new);
            }
        }
    }
}

impl Host {
    fn admits(&self, pod: &Value, is_daemon: bool) -> bool {
        let selector = pod["nodeSelector"].as_object();
        let fits = selector
            .into_iter()
            .flatten()
            .all(|(name, value)| self.labels[name] == *value);
        fits && self.taints.iter().all(|taint| {
            let key = taint["key"].as_str().unwrap_or_default();
            (is_daemon && key == "node.kubernetes.io/not-ready") || tolerates(pod, key)
        })
    }
}

fn tolerates(pod: &Value, key: &str) -> bool {
    let tolerations = pod["tolerations"].as_array();
    tolerations.into_iter().flatten().any(|toleration| {
        toleration["key"]
            .as_str()
            .is_none_or(|wanted| wanted == key)
    })
}

fn daemon_status(workload: &Value, wanted: usize, ready: usize) -> Value {
    let mut new = workload["status"].clone();
    new["observedGeneration"] = workload["metadata"]["generation"].clone();
    for name in [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "updatedNumberScheduled",
    ] {
        new[name] = json!(wanted);
    }
    new["numberReady"] = json!(ready);
    new["numberAvailable"] = json!(ready);
    new
}

fn new_pod(owner: &Value, namespace: &str, name: &str, host: Option<&Host>) -> Value {
    let template = &owner["spec"]["template"];
    let mut spec = json!({"containers": template["spec"]["containers"]});
    if template["spec"]["hostNetwork"] == true {
        spec["hostNetwork"] = json!(true);
    }
    if let Some(host) = host {
        spec["nodeName"] = json!(host.name);
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": namespace, "name": name, "labels": template["metadata"]["labels"],
            "ownerReferences": [{
                "apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": true,
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
            }],
        },
        "spec": spec,
    })
}
