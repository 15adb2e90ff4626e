//! What is waited for, how long that is normal, what may be seen meanwhile, and what it means when
//! it never comes.

use std::time::Duration;

use serde::Serialize;

use super::step::{Condition, ObjectSet};
use crate::model::NodeName;

/// How one condition is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// How long it takes when all is well.
    pub normal: Duration,
    /// When to give up.
    pub deadline: Duration,
    /// How often to look.
    pub every: Duration,
    /// What is happening meanwhile.
    pub because: &'static str,
    /// What may be seen meanwhile and means nothing.
    pub noise: &'static str,
}

/// Why something never came, and what to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The likely cause.
    pub cause: String,
    /// A command that shows more or mends it.
    pub command: String,
}

/// Returns how a condition is waited for.
pub fn wait_for(condition: &Condition) -> Wait {
    let (normal, deadline, every, because, noise) = match condition {
        Condition::HasIdentity { .. } | Condition::InMaintenance { .. } => (
            300,
            1200,
            3,
            "Talos installs itself, restarts and takes its new certificate",
            "connection refused, timeouts and `tls: internal error` while the machine restarts",
        ),
        Condition::TookConfiguration { .. } => (
            15,
            180,
            3,
            "Talos checks the configuration and begins to install",
            "the connection drops as soon as the installation begins",
        ),
        Condition::Configured { .. } => (
            120,
            900,
            3,
            "Talos takes the changed configuration",
            "connection refused if the change needs a restart",
        ),
        Condition::NoEtcd { .. } => (
            60,
            600,
            3,
            "every control plane reaches the point where etcd waits to be bootstrapped",
            "etcd `Preparing`, `time is not in sync yet`, `bootstrap is not available yet`",
        ),
        Condition::EtcdHealthy { .. } => (
            60,
            600,
            3,
            "etcd pulls its image, starts and elects itself",
            "etcd `Preparing`, then health unknown for some seconds",
        ),
        Condition::EtcdComplete { .. } => (
            120,
            900,
            5,
            "control planes join etcd as learners and are promoted one at a time",
            "`rpc not supported for learner`, `too many learner members in cluster`",
        ),
        Condition::ApiReady { .. } => (
            180,
            1200,
            3,
            "the node pulls and starts the Kubernetes control plane",
            "connection refused, 403 and 503 while controllers start; scheduler restarts",
        ),
        Condition::LeaseHeld => (
            0,
            120,
            5,
            "another run's lease is watched: it is taken once it is seen not to be renewed",
            "the lease of a run that was killed lasts for a short while",
        ),
        Condition::VipAnswers { .. } => (
            30,
            600,
            3,
            "a control plane takes the virtual IP and announces it",
            "connection refused or no route for some seconds",
        ),
        Condition::NodesRegistered { .. } => (
            90,
            900,
            5,
            "kubelets start and register their nodes",
            "`Unauthorized` until the kubelet's certificate request is approved",
        ),
        Condition::NodesReady { .. } => (
            180,
            1200,
            5,
            "the pod network starts on every node",
            "`NetworkPluginNotReady` until the CNI has written its configuration",
        ),
        Condition::Ready { objects } => object_wait(*objects),
        Condition::Reconciled { .. } => (
            600,
            2700,
            5,
            "the GitOps engine fetches the repository and brings everything in dependency order",
            "`DependencyNotReady` while something waits for its turn; image pulls",
        ),
        Condition::Verified => (
            120,
            900,
            5,
            "the last pods start",
            "pods that start again once after the hand-over",
        ),
        Condition::Always
        | Condition::Applied { .. }
        | Condition::ChartRunnerGone
        | Condition::KubeconfigStored
        | Condition::KubeconfigPublished => (
            10,
            300,
            3,
            "the API answers",
            "short interruptions while control planes join",
        ),
    };
    Wait {
        normal: Duration::from_secs(normal),
        deadline: Duration::from_secs(deadline),
        every: Duration::from_secs(every),
        because,
        noise,
    }
}

fn object_wait(objects: ObjectSet) -> (u64, u64, u64, &'static str, &'static str) {
    match objects {
        ObjectSet::Charts => (
            240,
            1500,
            5,
            "the chart runner pulls images and installs the pod network and the virtual IP",
            "a failed first attempt of the Job while the API restarts",
        ),
        ObjectSet::Operator => (
            120,
            900,
            5,
            "the operator's image is pulled and it starts",
            "the first pods wait for their network",
        ),
        ObjectSet::Instance => (
            180,
            1200,
            5,
            "the operator brings the GitOps controllers and the first sync starts",
            "`Reconciliation in progress`",
        ),
        ObjectSet::Namespaces | ObjectSet::Secrets => (5, 300, 3, "the API takes them", ""),
    }
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
        seen: &["timed out", "no route", "unreachable"],
        cause: "the machine is off, has another address, or did not start from its disk",
        command: "look at the machine's console; ping NODE",
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
