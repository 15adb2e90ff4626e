//! The plan of a bootstrap: from what was found to ordered steps, or to the reasons not to begin.

use std::collections::BTreeMap;

use super::consent::Consents;
use super::draft::Draft;
use super::fence::{self, Verdict};
use super::observed::{NodeState, Observed, SecretsState};
use super::preflight::{self, Life};
use super::refusal::{Fence, Refusal};
use super::step::{Operation, Plan};
use super::symptom::is_unmapped;
use crate::model::NodeName;
use crate::spec::cluster::{Cluster, Node, Role};

/// Where the administrator's kubeconfig is kept, from the repository's root.
pub const KUBECONFIG: &str = ".homelab/state/kubeconfig";

/// Decides what a bootstrap of this cluster does.
pub fn bootstrap(cluster: &Cluster, observed: &Observed, consents: &Consents) -> Plan {
    let nodes: Vec<&Node> = cluster
        .nodes
        .iter()
        .filter(|node| !consents.without.contains(&node.name))
        .collect();
    let mut control_planes: Vec<&Node> = nodes
        .iter()
        .copied()
        .filter(|node| node.role == Role::ControlPlane)
        .collect();
    control_planes.sort_by(|a, b| a.name.cmp(&b.name));

    if let SecretsState::Missing(_) = observed.secrets {
        return Plan {
            cluster: cluster.name.clone(),
            operation: Operation::Bootstrap,
            steps: Vec::new(),
            refusals: preflight::on_this_computer(observed),
            warnings: Vec::new(),
        };
    }
    let (life, mut refusals) = judge_etcd(&control_planes, observed);
    if life == Life::New {
        let left_out = consents.without.iter();
        refusals.extend(left_out.filter_map(|name| fence::left_out(name, &observed.node(name))));
    }
    let findings = preflight::check(cluster, &nodes, observed, consents, life);
    refusals.extend(findings.refusals);
    let steps = if let Some(target) = control_planes.first() {
        Draft::new(cluster, observed, life).build(&nodes, &control_planes, target)
    } else {
        refusals.push(no_control_plane());
        Vec::new()
    };
    Plan {
        cluster: cluster.name.clone(),
        operation: Operation::Bootstrap,
        steps,
        refusals,
        warnings: findings.warnings,
    }
}

fn no_control_plane() -> Refusal {
    Refusal::new(
        Fence::ControlPlaneUnreachable,
        "every control plane was left out",
        "keep at least one control plane",
    )
}

fn judge_etcd(control_planes: &[&Node], observed: &Observed) -> (Life, Vec<Refusal>) {
    let states: BTreeMap<NodeName, NodeState> = control_planes
        .iter()
        .map(|node| (node.name.clone(), observed.node(&node.name)))
        .collect();
    match fence::judge(&states) {
        Verdict::Never => (Life::New, Vec::new()),
        Verdict::Exists { .. } => (Life::Running, Vec::new()),
        Verdict::Refused(refusal) => (Life::Running, vec![refusal]),
        Verdict::NotYet(_) => (Life::New, silent(&states)),
    }
}

/// Machines that still start are waited for; silent ones stop the run before it begins.
fn silent(states: &BTreeMap<NodeName, NodeState>) -> Vec<Refusal> {
    let refusals: Vec<_> = states
        .iter()
        .filter_map(|(name, state)| match state {
            NodeState::Unreachable { reason } => Some(fence::silent_control_plane(name, reason)),
            _ => None,
        })
        .collect();
    if refusals.len() == states.len() && !refusals.is_empty() {
        return vec![all_silent(states)];
    }
    refusals
}

fn all_silent(states: &BTreeMap<NodeName, NodeState>) -> Refusal {
    let reasons: Vec<_> = states
        .iter()
        .filter_map(|(name, state)| match state {
            NodeState::Unreachable { reason } => Some((name, reason)),
            _ => None,
        })
        .collect();
    let told: Vec<_> = reasons
        .iter()
        .map(|(name, reason)| format!("`{name}`: {reason}"))
        .collect();
    let remedy = if reasons.iter().any(|(_, reason)| is_unmapped(reason)) {
        "correct the file that `--connect-map` names, or leave the option out where the machines are reached directly"
    } else {
        "check that the machines are on, booted from a Talos image, and reachable at the addresses in homelab.yaml"
    };
    Refusal::new(
        Fence::ClusterUnreachable,
        format!("no control plane answers ({})", told.join("; ")),
        remedy,
    )
}
