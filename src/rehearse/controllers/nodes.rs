//! The kubelets' and the node controller's part: Node objects and their readiness.

use serde_json::{Value, json};

use super::durations::{NETWORK_READY, NODE_LOST, REGISTER_NODE};
use super::facts::Kubelet;
use super::status::{self, Truth};
use super::{Controllers, Facts};

const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false \
     reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

impl Controllers {
    pub(super) fn run_nodes(&mut self, facts: &Facts) {
        let networked = self.networked();
        for kubelet in &facts.kubelets {
            let live = self.find("v1", "Node", "", &kubelet.name);
            match live {
                None if kubelet.is_up => self.register(kubelet),
                None => {}
                Some(node) => {
                    let has_network = facts.has_own_network || networked.contains(&kubelet.name);
                    self.report(kubelet, &node, has_network);
                }
            }
        }
    }

    fn register(&mut self, kubelet: &Kubelet) {
        let timer = format!("register {}", kubelet.name);
        if !self.timers.has_passed(&timer, REGISTER_NODE) {
            return;
        }
        self.timers.reset(&timer);
        let mut labels = json!({
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": kubelet.name,
        });
        if kubelet.is_control_plane {
            labels["node-role.kubernetes.io/control-plane"] = json!("");
        }
        for (name, value) in &kubelet.labels {
            labels[name] = json!(value);
        }
        self.put(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": kubelet.name, "labels": labels},
            "spec": {"taints": taints(kubelet, false)},
        }));
        if let Some(node) = self.find("v1", "Node", "", &kubelet.name) {
            let mut status = json!({
                "addresses": [
                    {"type": "InternalIP", "address": kubelet.address.to_string()},
                    {"type": "Hostname", "address": kubelet.name},
                ],
                "nodeInfo": {
                    "kubeletVersion": kubelet.version.to_string(),
                    "osImage": format!("Talos ({})", kubelet.talos),
                    "operatingSystem": "linux", "architecture": "amd64",
                },
            });
            let now = self.timers.now();
            let why = ("KubeletNotReady", NO_NETWORK);
            status::set(&mut status, now, "Ready", Truth::False, why);
            self.set_status(&node, status);
        }
    }

    fn report(&mut self, kubelet: &Kubelet, node: &Value, has_network: bool) {
        let (lost, found) = (
            format!("lost {}", kubelet.name),
            format!("network {}", kubelet.name),
        );
        let (truth, why) = if !kubelet.is_up {
            self.timers.reset(&found);
            if !self.timers.has_passed(&lost, NODE_LOST) {
                return;
            }
            let why = ("NodeStatusUnknown", "Kubelet stopped posting node status.");
            (Truth::Unknown, why)
        } else if has_network && self.timers.has_passed(&found, NETWORK_READY) {
            (
                Truth::True,
                ("KubeletReady", "kubelet is posting ready status"),
            )
        } else {
            (Truth::False, ("KubeletNotReady", NO_NETWORK))
        };
        if kubelet.is_up {
            self.timers.reset(&lost);
        }
        if !status::says(node, "Ready", truth, why) {
            let mut status = node["status"].clone();
            status::set(&mut status, self.timers.now(), "Ready", truth, why);
            self.set_status(node, status);
        }
        let wanted = taints(kubelet, truth == Truth::True);
        if node["spec"]["taints"] != wanted {
            let mut object = node.clone();
            object["spec"]["taints"] = wanted;
            self.put(&bare(&object));
        }
    }
}

fn taints(kubelet: &Kubelet, is_ready: bool) -> Value {
    let mut taints = Vec::new();
    if kubelet.is_control_plane && !kubelet.is_schedulable {
        taints
            .push(json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}));
    }
    if !is_ready {
        taints.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    }
    Value::Array(taints)
}

/// Leaves identity and spec: what a controller sends back.
fn bare(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": {"name": object["metadata"]["name"], "labels": object["metadata"]["labels"]},
        "spec": object["spec"],
    })
}
