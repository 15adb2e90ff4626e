//! What differs from what should be, with its likely cause and what to try.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::super::fence::{self, Verdict};
use super::super::observed::{self, EtcdSigns, NodeState, Running};
use super::super::step::Condition;
use super::super::symptom::{Diagnosis, diagnose};
use super::{Expiry, GitOpsState, Health, Kubernetes, KubernetesNode, Renewal, Standing};
use crate::model::NodeName;
use crate::pki::bundle::AUTHORITY_NOTICE;
use crate::spec::cluster::{Cluster, Node};

const DAY: Duration = Duration::from_hours(24);

/// Something that differs from what should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was found.
    pub message: String,
    /// What a controller warned of, in its own words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The likely cause, and what to try.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,
}

impl Finding {
    /// A finding that the table of symptoms explains: what does not hold, and what was seen.
    fn of(condition: &Condition, seen: &str, message: String) -> Self {
        Self {
            message,
            events: Vec::new(),
            diagnosis: diagnose(condition, seen),
        }
    }

    /// A finding that explains itself.
    fn new(message: String, cause: &str, command: String) -> Self {
        Self {
            message,
            events: Vec::new(),
            diagnosis: Diagnosis {
                cause: cause.to_owned(),
                command,
            },
        }
    }
}

impl Health {
    /// Tells how the whole is, given what was found.
    pub fn standing(&self, cluster: &Cluster, findings: &[Finding]) -> Standing {
        let is_silent = |node: &&Node| {
            matches!(
                self.nodes.get(&node.name),
                Some(NodeState::Unreachable { .. })
            )
        };
        if cluster.control_planes().iter().all(is_silent) {
            Standing::Unreachable
        } else if findings.is_empty() {
            Standing::Healthy
        } else {
            Standing::Differs
        }
    }

    /// Compares what was found with the spec: the machines first, since all else stands on them.
    pub fn findings(&self, cluster: &Cluster) -> Vec<Finding> {
        let mut findings = Vec::new();
        for node in &cluster.nodes {
            if let Some(state) = self.nodes.get(&node.name) {
                machine(node, state, &mut findings);
            }
        }
        self.etcd(cluster, &mut findings);
        self.kubernetes(cluster, &mut findings);
        self.vip(cluster, &mut findings);
        let ending = self.certificates.iter().filter_map(|it| self.ending(it));
        findings.extend(ending);
        findings
    }

    fn etcd(&self, cluster: &Cluster, findings: &mut Vec<Finding>) {
        let planes: Vec<&Node> = cluster.control_planes();
        let states = planes
            .iter()
            .filter_map(|node| Some((node.name.clone(), self.nodes.get(&node.name)?.clone())))
            .collect();
        if let Verdict::Refused(refusal) = fence::judge(&states) {
            let cause = "the control planes do not agree on one etcd";
            findings.push(Finding::new(refusal.message, cause, refusal.remedy));
        }
        let mut known = BTreeSet::new();
        for (name, state) in &states {
            let NodeState::Ours(Running { etcd, .. }) = state else {
                continue;
            };
            let condition = Condition::EtcdHealthy { node: name.clone() };
            match etcd {
                EtcdSigns::Alive { healthy, members } => {
                    known.extend(members.iter().cloned());
                    if !healthy {
                        let message = format!("etcd of `{name}` is not healthy");
                        findings.push(Finding::of(&condition, "", message));
                    }
                }
                EtcdSigns::Absent | EtcdSigns::Waiting => findings.push(Finding::new(
                    format!("`{name}` has no etcd yet"),
                    "the cluster was not bootstrapped to its end, or the machine still starts",
                    "homelab bootstrap".to_owned(),
                )),
                // The fence has said it.
                EtcdSigns::Unclear { .. } => {}
            }
        }
        for member in &known {
            members(&planes, member, findings);
        }
    }

    fn kubernetes(&self, cluster: &Cluster, findings: &mut Vec<Finding>) {
        match &self.kubernetes {
            // Machines without etcd have been told of, and that is why.
            Kubernetes::Silent { .. } if !self.has_etcd(cluster) => {}
            Kubernetes::Silent { reason } => {
                let Some(first) = cluster.control_planes().first().map(|node| &node.name) else {
                    return;
                };
                let condition = Condition::ApiReady {
                    node: first.clone(),
                };
                let message = format!("the Kubernetes API does not answer: {reason}");
                findings.push(Finding::of(&condition, reason, message));
            }
            Kubernetes::Answers { nodes, gitops } => {
                for node in &cluster.nodes {
                    registered(cluster, &node.name, nodes.get(node.name.as_str()), findings);
                }
                findings.extend(gitops.iter().filter_map(unready));
                if gitops.is_empty() {
                    findings.push(Finding::new(
                        "Git has not taken over: the GitOps engine has no object".to_owned(),
                        "the cluster was not bootstrapped to its end",
                        "homelab bootstrap".to_owned(),
                    ));
                }
            }
        }
    }

    fn vip(&self, cluster: &Cluster, findings: &mut Vec<Finding>) {
        let Some(vip) = &self.vip else { return };
        let condition = Condition::VipAnswers {
            address: vip.address,
        };
        match vip.holders.as_slice() {
            [_] => {}
            // Nobody can have it yet, or somebody may have it who cannot be asked.
            [] if !self.has_etcd(cluster) || self.misses_a_control_plane(cluster) => {}
            [] => {
                let message = format!("no control plane has the virtual IP {}", vip.address);
                findings.push(Finding::of(&condition, "", message));
            }
            several => findings.push(Finding::new(
                format!(
                    "{} have the virtual IP {} at once",
                    quoted(several.iter().map(NodeName::as_str)),
                    vip.address
                ),
                "the control planes cannot reach each other",
                "kubectl -n kube-system get lease -o wide".to_owned(),
            )),
        }
    }

    /// A certificate that ends sooner than whoever renews it should have let it come to.
    fn ending(&self, expiry: &Expiry) -> Option<Finding> {
        let (margin, cause, command) = match expiry.renewal {
            Renewal::Machine => (
                Duration::from_hours(6),
                "the machine does not renew it: its clock, or trustd on the control planes",
                "talosctl get timestatus; talosctl service trustd",
            ),
            Renewal::Fetch => (
                30 * DAY,
                "it is an ordinary file that lasts a year",
                "homelab kubeconfig",
            ),
            Renewal::Rotation => (
                AUTHORITY_NOTICE,
                "authorities last ten years and nobody renews them by themselves",
                "homelab secrets check; plan its rotation",
            ),
        };
        let left = expiry.until.duration_since(self.at);
        let is_near = Duration::try_from(left).map_or(true, |left| left < margin);
        is_near.then(|| {
            let what = &expiry.what;
            let message = match left.as_hours() {
                hours if left.is_negative() => format!("{what} ended {} hours ago", -hours),
                hours if hours < 48 => format!("{what} ends in {hours} hours"),
                hours => format!("{what} ends in {} days", hours / 24),
            };
            Finding::new(message, cause, command.to_owned())
        })
    }
}

fn machine(node: &Node, state: &NodeState, findings: &mut Vec<Finding>) {
    let name = &node.name;
    let condition = Condition::HasIdentity { node: name.clone() };
    match state {
        NodeState::Unreachable { reason } => {
            let message = format!("`{name}` does not answer: {reason}");
            findings.push(Finding::of(&condition, reason, message));
        }
        NodeState::Foreign { identity } => {
            let message =
                format!("`{name}` runs with other secrets than this bundle's: {identity}");
            findings.push(Finding::of(&condition, "other secrets", message));
        }
        NodeState::Maintenance { .. } => findings.push(Finding::new(
            format!("`{name}` waits for its configuration"),
            "it was never installed, or it started from its boot medium again",
            "homelab bootstrap".to_owned(),
        )),
        NodeState::Ours(running) => ours(node, running, findings),
    }
}

fn ours(node: &Node, running: &Running, findings: &mut Vec<Finding>) {
    let name = &node.name;
    if running.hostname != name.as_str() {
        findings.push(Finding::new(
            format!(
                "the machine of `{name}` calls itself `{}`",
                running.hostname
            ),
            "two machines have changed places, or an address is wrong",
            "compare `address` in homelab.yaml with the machines' consoles".to_owned(),
        ));
    }
    if running.stage != "running" {
        let unmet = running.unmet.join(", ");
        let seen = format!("`{name}` is {} {unmet}", running.stage);
        let condition = Condition::HasIdentity { node: name.clone() };
        findings.push(Finding::of(&condition, &seen, seen.trim_end().to_owned()));
    } else if !running.unmet.is_empty() {
        let unmet = running.unmet.join(", ");
        let condition = Condition::NodesReady {
            nodes: vec![name.clone()],
        };
        let message = format!("`{name}` runs, but {unmet}");
        findings.push(Finding::of(&condition, &unmet, message));
    }
    if running.hardware.time_synced == Some(false) {
        let condition = Condition::HasIdentity { node: name.clone() };
        let message = format!("the clock of `{name}` is not synchronised");
        findings.push(Finding::of(&condition, "time is not in sync", message));
    }
    if let Some(version) = &running.hardware.version
        && *version != node.version
    {
        findings.push(Finding::new(
            format!(
                "`{name}` runs Talos {version}, the spec says {}",
                node.version
            ),
            "it was not upgraded, or homelab.yaml was changed before the machines",
            format!("talosctl -n {name} upgrade, one machine after the other"),
        ));
    }
    if let Some(pending) = &running.pending {
        findings.push(Finding::new(
            format!("the configuration of `{name}` differs from the rendered one: {pending}"),
            "homelab.yaml was changed and not applied yet",
            "homelab plan".to_owned(),
        ));
    }
}

/// A member that the spec does not know, or that has no vote yet.
fn members(planes: &[&Node], member: &str, findings: &mut Vec<Finding>) {
    let (name, learner) = observed::member(member);
    let is_ours = planes.iter().any(|node| node.name.as_str() == name);
    if !is_ours {
        findings.push(Finding::new(
            format!("etcd has a member `{name}` that homelab.yaml does not know"),
            "a control plane was removed from the spec, but not from etcd",
            "talosctl etcd members; talosctl etcd remove-member ID".to_owned(),
        ));
    } else if learner {
        findings.push(Finding::new(
            format!("`{name}` is a learner: it has no vote in etcd yet"),
            "it joined a moment ago, or cannot catch up",
            format!("talosctl -n {name} logs etcd"),
        ));
    }
}

fn registered(
    cluster: &Cluster,
    name: &NodeName,
    node: Option<&KubernetesNode>,
    findings: &mut Vec<Finding>,
) {
    let condition = Condition::NodesReady {
        nodes: vec![name.clone()],
    };
    let Some(node) = node else {
        let message = format!("`{name}` is not registered in Kubernetes");
        let condition = Condition::NodesRegistered {
            nodes: vec![name.clone()],
        };
        findings.push(Finding::of(&condition, "", message));
        return;
    };
    if let Some(reason) = &node.unready {
        let message = format!("Kubernetes does not count `{name}` as ready: {reason}");
        findings.push(Finding::of(&condition, reason, message));
    }
    if node.version != cluster.kubernetes.to_string() {
        findings.push(Finding::new(
            format!(
                "the kubelet of `{name}` is {}, the spec says {}",
                node.version, cluster.kubernetes
            ),
            "Kubernetes was not upgraded, or homelab.yaml was changed before the machines",
            format!("talosctl upgrade-k8s --to {}", cluster.kubernetes),
        ));
    }
    if node.cordoned {
        findings.push(Finding::new(
            format!("`{name}` takes no new pods"),
            "somebody cordoned it, or a drain was not undone",
            format!("kubectl uncordon {name}"),
        ));
    }
}

fn unready(state: &GitOpsState) -> Option<Finding> {
    let said = state.unready.as_ref()?;
    let condition = Condition::Reconciled { revision: None };
    let place = state.file.as_ref().map(|file| format!(" ({file})"));
    let place = place.unwrap_or_default();
    let message = format!("{}{place}: {said}", state.object);
    let seen = format!("{}: {said}", state.object);
    Some(Finding {
        events: state.events.clone(),
        ..Finding::of(&condition, &seen, message)
    })
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
