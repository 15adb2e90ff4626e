//! etcd is bootstrapped once per cluster, ever.
//!
//! Talos does not prevent two bootstraps on two nodes: both succeed and the cluster is split for
//! good. So the target is a function of the spec alone, every control plane is asked, and anything
//! but a clear "no etcd anywhere" keeps the step from being taken. The same function decides when
//! planning and again right before the call.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{EtcdSigns, NodeState, member};
use super::refusal::{Fence, Refusal};
use crate::model::NodeName;

/// What the control planes together say about etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All answer and none shows a sign of etcd.
    Never,
    /// None shows a sign of etcd yet, but these cannot tell for sure: they still start or are silent.
    NotYet(Vec<NodeName>),
    /// etcd exists: it is never bootstrapped again.
    Exists {
        /// Members that somebody knows, by host name.
        members: BTreeSet<String>,
    },
    /// It cannot be told, or it is broken already.
    Refused(Refusal),
}

/// Judges what every control plane of the spec shows.
pub fn judge(control_planes: &BTreeMap<NodeName, NodeState>) -> Verdict {
    let alive = members_by_node(control_planes);
    if let Some(refusal) = split(&alive) {
        return Verdict::Refused(refusal);
    }
    if !alive.is_empty() {
        return Verdict::Exists {
            members: alive.into_values().flatten().collect(),
        };
    }
    let unclear = control_planes.iter().find_map(unclear);
    if let Some(refusal) = unclear {
        return Verdict::Refused(refusal);
    }
    let undecided: Vec<_> = control_planes
        .iter()
        .filter(|(_, state)| !certainly_without_etcd(state))
        .map(|(name, _)| name.clone())
        .collect();
    if undecided.is_empty() {
        Verdict::Never
    } else {
        Verdict::NotYet(undecided)
    }
}

/// Says why a control plane that stays silent keeps etcd from being bootstrapped.
pub fn silent_control_plane(node: &NodeName, reason: &str) -> Refusal {
    Refusal::new(
        Fence::ControlPlaneUnreachable,
        format!("`{node}` does not answer ({reason}): it may hold an etcd that a bootstrap would split"),
        format!(
            "bring `{node}` back and run the command again, or pass `--without {node}` if the machine is gone for good or was wiped"
        ),
    )
    .on(node)
}

/// Says why a control plane that was left out, and lives, keeps etcd from being bootstrapped.
pub fn left_out(node: &NodeName, state: &NodeState) -> Option<Refusal> {
    let NodeState::Ours(running) = state else {
        return None;
    };
    matches!(
        running.etcd,
        EtcdSigns::Alive { .. } | EtcdSigns::Unclear { .. }
    )
    .then(|| {
        Refusal::new(
            Fence::LeftOutAlive,
            format!("`{node}` was left out and lives: a bootstrap would split its etcd"),
            format!(
                "run the command without `--without {node}`; if what it holds may be lost, reset it first: `talosctl reset --graceful=false -n {node}`"
            ),
        )
        .on(node)
    })
}

fn members_by_node(
    control_planes: &BTreeMap<NodeName, NodeState>,
) -> BTreeMap<NodeName, BTreeSet<String>> {
    control_planes
        .iter()
        .filter_map(|(name, state)| match state {
            NodeState::Ours(running) => match &running.etcd {
                EtcdSigns::Alive { members, .. } => {
                    let names = members.iter().map(|it| member(it).0.to_owned());
                    Some((name.clone(), names.collect()))
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Two members that know no common member belong to two clusters.
fn split(alive: &BTreeMap<NodeName, BTreeSet<String>>) -> Option<Refusal> {
    let mut known = alive.iter().filter(|(_, members)| !members.is_empty());
    let (first, reference) = known.next()?;
    known
        .find(|(_, members)| members.is_disjoint(reference))
        .map(|(other, members)| {
            Refusal::new(
                Fence::EtcdSplit,
                format!(
                    "there are two etcd clusters: `{first}` knows {}, `{other}` knows {}",
                    list(reference),
                    list(members)
                ),
                format!(
                    "decide which of the two holds your data, reset the other machine (`talosctl reset --graceful=false -n {other}`) and run the command again: it then joins"
                ),
            )
            .on(other)
        })
}

fn list(members: &BTreeSet<String>) -> String {
    let quoted: Vec<_> = members.iter().map(|member| format!("`{member}`")).collect();
    quoted.join(", ")
}

fn unclear((name, state): (&NodeName, &NodeState)) -> Option<Refusal> {
    let NodeState::Ours(running) = state else {
        return None;
    };
    let EtcdSigns::Unclear { reason } = &running.etcd else {
        return None;
    };
    Some(
        Refusal::new(
            Fence::EtcdUnclear,
            format!("`{name}` shows signs of an etcd that does not work: {reason}"),
            format!(
                "look at `talosctl -n {name} service etcd`; restore its etcd from a snapshot or reset the machine, then run the command again"
            ),
        )
        .on(name),
    )
}

fn certainly_without_etcd(state: &NodeState) -> bool {
    match state {
        NodeState::Maintenance { .. } => true,
        NodeState::Ours(running) => running.etcd == EtcdSigns::Waiting,
        NodeState::Unreachable { .. } | NodeState::Foreign { .. } => false,
    }
}
