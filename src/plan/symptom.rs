//! What it means when something that was waited for never comes.
//!
//! Known symptoms come first, from a table; then what is likely for the condition itself.

use serde::Serialize;

use super::step::{Condition, ObjectSet};
use super::symptoms::{Domain, SYMPTOMS};
use crate::model::NodeName;

/// Why something never came, and what to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The likely cause.
    pub cause: String,
    /// A command that shows more or mends it.
    pub command: String,
}

impl Diagnosis {
    /// Its two lines for people.
    pub fn lines(&self) -> [String; 2] {
        [
            format!("likely cause: {}", self.cause),
            format!("try: {}", self.command),
        ]
    }
}

/// Tells why a condition was not reached, from what was seen last.
pub fn diagnose(condition: &Condition, last: &str) -> Diagnosis {
    let seen = last.to_lowercase();
    let known = |domain| {
        let mut rows = SYMPTOMS.iter().filter(|row| row.domain == domain);
        rows.find(|row| row.seen.iter().any(|part| seen.contains(part)))
    };
    // What the API itself refuses is the API's, whatever it was asked for.
    let is_refused = seen.contains("the kubernetes api refused");
    let known =
        known(domain(condition)).or_else(|| known(Domain::Kubernetes).filter(|_| is_refused));
    let usual = default_command(condition);
    let (cause, command) = match known {
        Some(symptom) => (symptom.cause, symptom.command),
        None => (default_cause(condition), usual),
    };
    let subject = subject(condition);
    let filled = |command| filled(command, &subject, last);
    Diagnosis {
        cause: cause.to_owned(),
        command: filled(command)
            .or_else(|| filled(usual))
            .unwrap_or_else(|| "homelab doctor".to_owned()),
    }
}

/// Tells whether the connection map kept a target from being reached.
pub(super) fn is_unmapped(reason: &str) -> bool {
    reason.contains("is not in the connection map")
}

/// Puts names in place of the words that stand for them; `None` when there is nobody to name.
fn filled(command: &str, subject: &[String], seen: &str) -> Option<String> {
    let mut command = command.to_owned();
    if command.contains("NODE") {
        if subject.is_empty() {
            return None;
        }
        command = command
            .replace("NODES", &subject.join(" "))
            .replace("NODE", &subject.join(","));
    }
    if command.contains("KIND") || command.contains("NAME") {
        let (kind, namespace, name) = object(seen)?;
        command = command
            .replace("KIND", &kind)
            .replace("NAMESPACE", namespace)
            .replace("NAME", name);
    }
    Some(command)
}

/// Reads the first object that a sentence names: kind, namespace and name.
fn object(seen: &str) -> Option<(String, &str, &str)> {
    let (before, rest) = seen.split_once(" `")?;
    let kind = before.rsplit(' ').next()?;
    let (object, _) = rest.split_once('`')?;
    let is_kind = kind.chars().all(|c| c.is_ascii_alphanumeric()) && !kind.is_empty();
    let (namespace, name) = object.split_once('/')?;
    is_kind.then(|| (kind.to_lowercase(), namespace, name))
}

fn domain(condition: &Condition) -> Domain {
    match condition {
        Condition::InMaintenance { .. }
        | Condition::HasIdentity { .. }
        | Condition::TookConfiguration { .. }
        | Condition::Configured { .. }
        | Condition::NoEtcd { .. }
        | Condition::EtcdHealthy { .. }
        | Condition::EtcdComplete { .. }
        | Condition::Spared { .. }
        | Condition::Settled { .. } => Domain::Machine,
        Condition::ApiReady { .. }
        | Condition::VipAnswers { .. }
        | Condition::LeaseHeld
        | Condition::NodesRegistered { .. }
        | Condition::NodesReady { .. }
        | Condition::Always
        | Condition::KubeconfigStored
        | Condition::KubeconfigPublished => Domain::Kubernetes,
        Condition::Applied { .. }
        | Condition::Ready { .. }
        | Condition::Reconciled { .. }
        | Condition::ChartRunnerGone
        | Condition::Verified => Domain::Object,
    }
}

fn subject(condition: &Condition) -> Vec<String> {
    let several = |nodes: &[NodeName]| nodes.iter().map(NodeName::to_string).collect();
    match condition {
        Condition::InMaintenance { node, .. }
        | Condition::HasIdentity { node }
        | Condition::Configured { node }
        | Condition::TookConfiguration { node }
        | Condition::Spared { node, .. }
        | Condition::Settled { node, .. }
        | Condition::EtcdHealthy { node }
        | Condition::ApiReady { node } => vec![node.to_string()],
        Condition::NoEtcd { nodes }
        | Condition::EtcdComplete { nodes }
        | Condition::NodesRegistered { nodes }
        | Condition::NodesReady { nodes } => several(nodes),
        Condition::VipAnswers { address } => vec![address.to_string()],
        _ => Vec::new(),
    }
}

fn default_cause(condition: &Condition) -> &'static str {
    match condition {
        Condition::InMaintenance { .. } | Condition::HasIdentity { .. } => {
            "the machine did not come back with its new configuration"
        }
        Condition::Configured { .. } | Condition::TookConfiguration { .. } => {
            "Talos did not take the configuration"
        }
        Condition::Spared { .. } => "another control plane is not well",
        Condition::Settled { .. } => "the machine did not come back as well as it was",
        Condition::NoEtcd { .. } | Condition::EtcdHealthy { .. } => "etcd does not start",
        Condition::EtcdComplete { .. } => "a control plane does not join etcd",
        Condition::ApiReady { .. } => "a part of the Kubernetes control plane does not start",
        Condition::LeaseHeld => "another operator is at work",
        Condition::VipAnswers { .. } => "no control plane announces the virtual IP",
        Condition::NodesRegistered { .. } => "a kubelet cannot reach the API",
        Condition::NodesReady { .. } => "the pod network does not start on a node",
        Condition::Ready { .. } | Condition::Applied { .. } => "an object does not become ready",
        Condition::Reconciled { .. } => "an object that Git brings does not become ready",
        Condition::Verified => "a pod does not run",
        Condition::Always
        | Condition::ChartRunnerGone
        | Condition::KubeconfigStored
        | Condition::KubeconfigPublished => "the API does not answer",
    }
}

fn default_command(condition: &Condition) -> &'static str {
    match condition {
        Condition::InMaintenance { .. }
        | Condition::HasIdentity { .. }
        | Condition::TookConfiguration { .. }
        | Condition::Settled { .. }
        | Condition::Configured { .. } => "look at the machine's console; talosctl -n NODE dmesg",
        Condition::Spared { .. } => "homelab doctor",
        Condition::NoEtcd { .. }
        | Condition::EtcdHealthy { .. }
        | Condition::EtcdComplete { .. } => {
            "talosctl -n NODE service etcd; talosctl -n NODE logs etcd"
        }
        Condition::ApiReady { .. } => "talosctl -n NODE containers -k",
        Condition::LeaseHeld => "kubectl -n kube-system get lease homelab-operator -o yaml",
        Condition::VipAnswers { .. } => "kubectl -n kube-system get pods -o wide",
        Condition::NodesRegistered { .. } | Condition::NodesReady { .. } => {
            "kubectl describe node NODES; kubectl -n kube-system get pods -o wide"
        }
        Condition::Ready {
            objects: ObjectSet::Charts,
        } => {
            "kubectl -n kube-system get jobs,pods; kubectl -n kube-system logs -l app.kubernetes.io/name=homelab-charts"
        }
        Condition::Ready { .. } | Condition::Applied { .. } | Condition::Reconciled { .. } => {
            "kubectl get fluxinstances,gitrepositories,kustomizations,helmreleases -A"
        }
        Condition::Verified => "kubectl get pods -A",
        Condition::Always
        | Condition::ChartRunnerGone
        | Condition::KubeconfigStored
        | Condition::KubeconfigPublished => {
            "kubectl --kubeconfig .homelab/state/kubeconfig get nodes"
        }
    }
}
