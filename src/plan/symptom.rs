//! What it means when something that was waited for never comes: a table of known symptoms.

use serde::Serialize;

use super::step::{Condition, ObjectSet};
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

/// Tells why a condition was not reached, from what was seen last.
pub fn diagnose(condition: &Condition, last: &str) -> Diagnosis {
    let seen = last.to_lowercase();
    let known = SYMPTOMS
        .iter()
        .find(|symptom| symptom.seen.iter().any(|part| seen.contains(part)));
    let subject = subject(condition);
    match known {
        Some(symptom) => Diagnosis {
            cause: symptom.cause.to_owned(),
            command: symptom.command.replace("NODE", &subject),
        },
        None => Diagnosis {
            cause: default_cause(condition).to_owned(),
            command: default_command(condition).replace("NODE", &subject),
        },
    }
}

/// One known symptom: parts of what is seen, in lower case, its cause, and what to try.
struct Symptom {
    seen: &'static [&'static str],
    cause: &'static str,
    command: &'static str,
}

/// Tried in order; the first that matches is reported.
const SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: &["time is not in sync", "time: not synced"],
        cause: "the node cannot reach its time server",
        command: "talosctl -n NODE get timestatus; check `network.timeServers` and that UDP port 123 is open",
    },
    Symptom {
        seen: &["unknown authority", "other secrets", "unknown issuer"],
        cause: "the machine was configured with other secrets than this bundle's",
        command: "reset the machine (boot it with `talos.experimental.wipe=system`) and run the command again",
    },
    Symptom {
        seen: &["still in maintenance", "maintenance mode"],
        cause: "the machine started from its boot medium again instead of its disk",
        command: "remove the boot medium or put the disk first in the boot order, then restart the machine",
    },
    Symptom {
        seen: &[
            "no key could decrypt",
            "did not match any of the recipients",
            "decryption failed",
            "failed to decrypt",
        ],
        cause: "the age key in the cluster does not open a file in Git",
        command: "homelab secrets decrypt FILE; encrypt the file for the recipients in .sops.yaml and push",
    },
    Symptom {
        seen: &[
            "authentication required",
            "permission denied (publickey)",
            "knownhosts",
            "unable to authenticate",
        ],
        cause: "the GitOps engine may not read the repository",
        command: "register the deploy key with the Git host; kubectl -n flux-system get secret git-credentials",
    },
    Symptom {
        seen: &["path not found"],
        cause: "the repository does not hold what homelab.yaml renders",
        command: "homelab render --check; commit and push",
    },
    Symptom {
        seen: &[
            "couldn't find remote ref",
            "repository not found",
            "unable to clone",
        ],
        cause: "the repository or the branch does not exist where the spec says",
        command: "git ls-remote; correct `gitops.flux` in homelab.yaml",
    },
    Symptom {
        seen: &["imagepullbackoff", "errimagepull"],
        cause: "an image cannot be pulled",
        command: "kubectl get events -A --field-selector reason=Failed",
    },
    Symptom {
        seen: &["too many learner"],
        cause: "another control plane is still joining etcd",
        command: "talosctl -n NODE etcd members",
    },
    Symptom {
        seen: &["connection refused"],
        cause: "the machine is up but the service is not",
        command: "talosctl -n NODE services; look at the machine's console",
    },
    Symptom {
        seen: &["no answer to `", "timed out", "no route", "unreachable"],
        cause: "the machine is off, has another address, or did not start from its disk",
        command: "look at the console of NODE (power, boot order, address), then the same command again; or, if it is gone for good, --without NODE",
    },
];

fn subject(condition: &Condition) -> String {
    let several = |nodes: &[NodeName]| {
        let names: Vec<_> = nodes.iter().map(NodeName::as_str).collect();
        names.join(",")
    };
    match condition {
        Condition::InMaintenance { node, .. }
        | Condition::HasIdentity { node }
        | Condition::Configured { node }
        | Condition::TookConfiguration { node }
        | Condition::EtcdHealthy { node }
        | Condition::ApiReady { node } => node.to_string(),
        Condition::NoEtcd { nodes }
        | Condition::EtcdComplete { nodes }
        | Condition::NodesRegistered { nodes }
        | Condition::NodesReady { nodes } => several(nodes),
        Condition::VipAnswers { address } => address.to_string(),
        _ => "NODE".to_owned(),
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
        | Condition::Configured { .. } => "look at the machine's console; talosctl -n NODE dmesg",
        Condition::NoEtcd { .. }
        | Condition::EtcdHealthy { .. }
        | Condition::EtcdComplete { .. } => {
            "talosctl -n NODE service etcd; talosctl -n NODE logs etcd"
        }
        Condition::ApiReady { .. } => "talosctl -n NODE containers -k",
        Condition::LeaseHeld => "kubectl -n kube-system get lease homelab-operator -o yaml",
        Condition::VipAnswers { .. } => "kubectl -n kube-system get pods -o wide",
        Condition::NodesRegistered { .. } | Condition::NodesReady { .. } => {
            "kubectl describe node NODE; kubectl -n kube-system get pods -o wide"
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
