//! What is known of etcd's votes from here.
//!
//! A machine that does not answer may vote all the same, and a control plane of the spec that never
//! joined has no vote: neither shows that a quorum is lost.

use std::collections::BTreeSet;

use super::Health;
use crate::plan::observed::member;
use crate::plan::{EtcdSigns, NodeState, Running};
use crate::spec::Cluster;

/// Etcd's votes, as those that answer know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Votes {
    /// Members with a vote; where nobody knows any member, the control planes of the spec.
    pub voters: usize,
    /// Those that say that they are healthy.
    pub healthy: usize,
    /// Those that cannot be asked from here.
    pub silent: usize,
    /// Members without a vote yet.
    pub learners: usize,
}

impl Votes {
    /// How many votes a decision needs.
    pub fn needed(self) -> usize {
        self.voters / 2 + 1
    }

    /// Whether a quorum is there; `None` when that cannot be told from here.
    pub fn has_quorum(self) -> Option<bool> {
        if self.healthy >= self.needed() {
            Some(true)
        } else if self.healthy + self.silent >= self.needed() {
            None
        } else {
            Some(false)
        }
    }
}

impl Health {
    /// Counts etcd's votes; `None` for a cluster without control planes.
    pub fn votes(&self, cluster: &Cluster) -> Option<Votes> {
        let planes = cluster.control_planes();
        let states = planes.iter().filter_map(|node| self.nodes.get(&node.name));
        let known: BTreeSet<&str> = states
            .filter_map(|state| match state {
                NodeState::Ours(Running {
                    etcd: EtcdSigns::Alive { members, .. },
                    ..
                }) => Some(members.iter().map(String::as_str)),
                _ => None,
            })
            .flatten()
            .collect();
        let mut voters: BTreeSet<&str> = known.iter().copied().filter(|it| !member(it).1).collect();
        let learners = known.iter().map(|it| member(it)).filter(|it| it.1);
        let learners = learners.filter(|(name, _)| !voters.contains(name)).count();
        if voters.is_empty() {
            voters = planes.iter().map(|node| node.name.as_str()).collect();
        }
        let is = |wanted: fn(Option<&NodeState>) -> bool| {
            let state = |name: &str| self.nodes.get(name);
            voters.iter().filter(|name| wanted(state(name))).count()
        };
        (!voters.is_empty()).then(|| Votes {
            voters: voters.len(),
            healthy: is(is_healthy),
            silent: is(is_silent),
            learners,
        })
    }

    /// Tells whether a control plane cannot be asked, so that nobody here knows what it does.
    pub fn misses_a_control_plane(&self, cluster: &Cluster) -> bool {
        let mut planes = cluster.control_planes().into_iter();
        planes.any(|node| is_silent(self.nodes.get(&node.name)))
    }

    /// Tells whether etcd runs on a control plane, which Kubernetes and the virtual IP need.
    pub(super) fn has_etcd(&self, cluster: &Cluster) -> bool {
        let runs = |state: &NodeState| {
            matches!(
                state,
                NodeState::Ours(Running {
                    etcd: EtcdSigns::Alive { .. } | EtcdSigns::Unclear { .. },
                    ..
                })
            )
        };
        let planes = cluster.control_planes().into_iter();
        let mut states = planes.filter_map(|node| self.nodes.get(&node.name));
        states.any(runs)
    }
}

fn is_healthy(state: Option<&NodeState>) -> bool {
    matches!(
        state,
        Some(NodeState::Ours(Running {
            etcd: EtcdSigns::Alive { healthy: true, .. },
            ..
        }))
    )
}

/// A member that the spec does not know is asked by nobody, and a machine with other secrets answers
/// others.
fn is_silent(state: Option<&NodeState>) -> bool {
    matches!(
        state,
        None | Some(NodeState::Unreachable { .. } | NodeState::Foreign { .. })
    )
}
