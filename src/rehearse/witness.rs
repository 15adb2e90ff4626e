//! What must never happen, watched by the world itself at every instant.
//!
//! The engine cannot reach it: whatever the engine says of itself, a rehearsal fails when this saw
//! otherwise.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::etcd::{Cause, Etcd, EtcdCluster};
use super::machine::Wipe;

/// Something that must never happen, and happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The instant.
    pub at: Timestamp,
    /// What must never happen.
    pub rule: Rule,
    /// What was seen.
    pub seen: String,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// etcd is bootstrapped once per cluster, ever.
    OneEtcd,
    /// No disk is written that holds something.
    NoDiskInUse,
    /// Nobody asks a voter to stop while the others could not agree without it.
    Quorum,
    /// While somebody holds the lease, nobody else changes anything in Kubernetes.
    OneOperator,
}

/// Watches what happens to machines and etcd.
#[derive(Debug, Default)]
pub(super) struct Witness {
    violations: Vec<Violation>,
    clusters: usize,
    wipes: usize,
    /// Which clusters had no quorum at the last look because somebody was asked to stop.
    torn: BTreeSet<usize>,
}

impl Rule {
    /// Says what must never happen.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::OneEtcd => "etcd is bootstrapped once per cluster",
            Self::NoDiskInUse => "no disk is written that holds something",
            Self::Quorum => "no request stops a voter that etcd needs",
            Self::OneOperator => "one operator changes things at a time",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, at) = (self.rule.sentence(), self.at);
        write!(
            f,
            "the world saw at {at} what must never happen ({rule}): {}",
            self.seen
        )
    }
}

impl Witness {
    /// Looks at the state of one instant.
    pub(super) fn look(&mut self, at: Timestamp, etcd: &Etcd, wipes: &[Wipe]) {
        let clusters = etcd.clusters();
        for (index, cluster) in clusters.iter().enumerate().skip(self.clusters) {
            if let Some(first) = first_of(&clusters[..index], cluster) {
                let seen = format!(
                    "a second etcd on `{}`; the first was bootstrapped on `{}`",
                    cluster.bootstrapped_on, first.bootstrapped_on
                );
                self.note(at, Rule::OneEtcd, seen);
            }
        }
        self.clusters = clusters.len();
        for wipe in wipes
            .iter()
            .skip(self.wipes)
            .filter(|it| !it.held.is_empty())
        {
            let (disk, node, held) = (&wipe.disk, &wipe.node, wipe.held.join(", "));
            let seen = format!("disk `{disk}` of `{node}` held {held}");
            self.note(wipe.at, Rule::NoDiskInUse, seen);
        }
        self.wipes = wipes.len();
        for (index, cluster) in clusters.iter().enumerate() {
            self.look_at_quorum(at, index, cluster);
        }
    }

    fn look_at_quorum(&mut self, at: Timestamp, index: usize, cluster: &EtcdCluster) {
        let asked: Vec<_> = cluster
            .members
            .iter()
            .filter(|member| !member.learner && member.stopped_by == Some(Cause::Request))
            .map(|member| format!("`{}`", member.node))
            .collect();
        if cluster.has_quorum() || asked.is_empty() {
            self.torn.remove(&index);
        } else if self.torn.insert(index) {
            let seen = format!(
                "{} was asked to stop, and etcd lost quorum",
                asked.join(", ")
            );
            self.note(at, Rule::Quorum, seen);
        }
    }

    fn note(&mut self, at: Timestamp, rule: Rule, seen: String) {
        self.violations.push(Violation { at, rule, seen });
    }

    /// Returns what happened, in order.
    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

fn first_of<'a>(earlier: &'a [EtcdCluster], cluster: &EtcdCluster) -> Option<&'a EtcdCluster> {
    let mut earlier = earlier.iter();
    earlier.find(|other| other.authority == cluster.authority)
}
