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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeName;

    const EVERYBODY: [&str; 3] = ["a", "b", "c"];

    fn name(text: &str) -> NodeName {
        text.parse().expect("a name")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    /// Lets a witness look at an etcd of three voters after each of these changes; returns what it saw.
    fn seen(changes: &[fn(&mut Etcd, crate::rehearse::etcd::ClusterIndex)]) -> Vec<(Rule, i64)> {
        let mut etcd = Etcd::default();
        let address = |last: usize| [10, 0, 0, u8::try_from(last).unwrap_or(0)].into();
        let index = etcd.bootstrap("ca", &name("a"), address(0), at(0));
        etcd.start(index, &name("a"));
        for (place, node) in EVERYBODY.iter().enumerate().skip(1) {
            assert!(etcd.add_learner(index, &name(node), address(place)));
            etcd.promote(index, &name(node));
        }
        let mut witness = Witness::default();
        witness.look(at(0), &etcd, &[]);
        for (second, change) in (1..).zip(changes) {
            change(&mut etcd, index);
            witness.look(at(second), &etcd, &[]);
        }
        let seen = witness.violations().iter();
        seen.map(|it| (it.rule, it.at.as_second())).collect()
    }

    #[test]
    fn a_second_etcd_of_one_authority_is_seen_and_another_cluster_s_is_not() {
        let again: fn(&mut Etcd, _) = |etcd, _| {
            etcd.bootstrap("ca", &name("b"), [10, 0, 0, 1].into(), at(1));
        };
        let elsewhere: fn(&mut Etcd, _) = |etcd, _| {
            etcd.bootstrap("other", &name("x"), [10, 0, 0, 9].into(), at(1));
        };
        let nothing: fn(&mut Etcd, _) = |_, _| {};
        assert_eq!(seen(&[elsewhere, nothing]), []);
        assert_eq!(seen(&[elsewhere, again, nothing]), [(Rule::OneEtcd, 2)]);
        assert_eq!(
            seen(&[again, again]),
            [(Rule::OneEtcd, 1), (Rule::OneEtcd, 2)]
        );
    }

    #[test]
    fn a_voter_that_is_asked_to_stop_although_etcd_needs_it_is_seen_each_time() {
        let ask_b: fn(&mut Etcd, _) = |etcd, index| etcd.stop(index, &name("b"), Cause::Request);
        let ask_c: fn(&mut Etcd, _) = |etcd, index| etcd.stop(index, &name("c"), Cause::Request);
        let break_b: fn(&mut Etcd, _) = |etcd, index| etcd.stop(index, &name("b"), Cause::World);
        let break_c: fn(&mut Etcd, _) = |etcd, index| etcd.stop(index, &name("c"), Cause::World);
        let back: fn(&mut Etcd, _) = |etcd, index| {
            etcd.start(index, &name("b"));
            etcd.start(index, &name("c"));
        };
        assert_eq!(seen(&[ask_b, back, ask_c, back]), [], "one after the other");
        assert_eq!(seen(&[break_b, break_c, back]), [], "nobody asked");
        assert_eq!(seen(&[break_b, ask_c]), [(Rule::Quorum, 2)]);
        assert_eq!(
            seen(&[ask_b, ask_c, ask_c, back, ask_b, ask_c]),
            [(Rule::Quorum, 2), (Rule::Quorum, 6)]
        );
    }

    #[test]
    fn a_disk_that_held_something_is_seen_once_and_an_empty_one_is_not() {
        let wipe = |second, held: &[&str]| Wipe {
            node: name("a"),
            disk: "S1".to_owned(),
            at: at(second),
            held: held.iter().map(|&text| text.to_owned()).collect(),
        };
        let wipes = [
            wipe(1, &[]),
            wipe(2, &["zfs `tank`"]),
            wipe(3, &["xfs `EPHEMERAL`"]),
        ];
        let mut witness = Witness::default();
        for count in [1, 2, 2, 3, 3] {
            witness.look(at(9), &Etcd::default(), &wipes[..count]);
        }
        let seen = witness.violations().iter();
        let seen: Vec<_> = seen.map(|it| (it.rule, it.at.as_second())).collect();
        assert_eq!(seen, [(Rule::NoDiskInUse, 2), (Rule::NoDiskInUse, 3)]);
        assert!(witness.violations()[0].seen.contains("zfs `tank`"));
    }
}
