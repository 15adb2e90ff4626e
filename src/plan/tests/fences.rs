//! etcd once, and strangers never.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

#[test]
fn one_silent_control_plane_stops_a_new_cluster() {
    let plan = decide(&with([maintenance(1), maintenance(2), silent()]));
    assert_eq!(fences(&plan), [Fence::ControlPlaneUnreachable]);
    assert_eq!(plan.severity(), Some(Severity::Refused));
    assert_snapshot!(plan);
}

#[test]
fn a_control_plane_that_is_gone_for_good_is_left_out_by_name() {
    let mut consents = Consents::default();
    consents.without.insert(name("talos-1"));
    let plan = decide_with(&with([silent(), maintenance(2), maintenance(3)]), &consents);
    assert!(plan.refusals.is_empty(), "{plan}");
    assert_eq!(bootstraps(&plan), ["talos-2"]);
}

#[test]
fn a_silent_control_plane_does_not_matter_once_etcd_exists() {
    let two = alive(&["talos-1", "talos-2", "talos-3"]);
    let plan = decide(&with([silent(), ours(2, two.clone()), ours(3, two)]));
    assert!(plan.refusals.is_empty(), "{plan}");
    assert!(bootstraps(&plan).is_empty());
    assert_snapshot!(plan.warnings.join("\n"), @"`talos-1` does not answer: connection refused");
}

#[test]
fn a_split_etcd_is_named() {
    let plan = decide(&with([
        ours(1, alive(&["talos-1"])),
        ours(2, alive(&["talos-2", "talos-3 (learner)"])),
        ours(3, alive(&["talos-2", "talos-3 (learner)"])),
    ]));
    assert_eq!(fences(&plan), [Fence::EtcdSplit]);
    assert_snapshot!(plan);
}

#[test]
fn an_etcd_that_cannot_be_told_is_refused() {
    let unclear = EtcdSigns::Unclear {
        reason: "not authorized".to_owned(),
    };
    let plan = decide(&with([maintenance(1), ours(2, unclear), maintenance(3)]));
    assert_eq!(fences(&plan), [Fence::EtcdUnclear]);
    assert!(bootstraps(&plan).is_empty());
}

#[test]
fn a_stranger_is_refused() {
    let foreign = NodeState::Foreign {
        identity: "its certificate names `CN=talos-2`, issued by `O=talos`".to_owned(),
    };
    let plan = decide(&with([maintenance(1), foreign, maintenance(3)]));
    assert_eq!(fences(&plan), [Fence::ForeignIdentity]);
    assert_snapshot!(plan);
}

fn any_etcd() -> impl Strategy<Value = EtcdSigns> {
    let members = proptest::sample::subsequence(vec!["talos-1", "talos-2", "talos-3"], 0..=3);
    prop_oneof![
        Just(EtcdSigns::Absent),
        Just(EtcdSigns::Waiting),
        (any::<bool>(), members).prop_map(|(healthy, members)| EtcdSigns::Alive {
            healthy,
            members: members.into_iter().map(str::to_owned).collect(),
        }),
        Just(EtcdSigns::Unclear {
            reason: "x".to_owned()
        }),
    ]
}

fn any_state(number: u8) -> impl Strategy<Value = NodeState> {
    prop_oneof![
        Just(silent()),
        Just(maintenance(number)),
        Just(NodeState::Foreign {
            identity: "x".to_owned()
        }),
        any_etcd().prop_map(move |etcd| ours(number, etcd)),
    ]
}

proptest! {
    #[test]
    fn etcd_is_only_bootstrapped_when_nothing_speaks_against_it(
        one in any_state(1), two in any_state(2), three in any_state(3)
    ) {
        let observed = with([one, two, three]);
        let plan = decide(&observed);
        let may_act = plan.refusals.is_empty();
        if may_act && !bootstraps(&plan).is_empty() {
            prop_assert_eq!(bootstraps(&plan), ["talos-1"]);
            for state in observed.nodes.values() {
                let harmless = match state {
                    NodeState::Maintenance { .. } => true,
                    NodeState::Ours(running) => {
                        matches!(running.etcd, EtcdSigns::Absent | EtcdSigns::Waiting)
                    }
                    _ => false,
                };
                prop_assert!(harmless, "{:?}", state);
            }
        }
    }

    #[test]
    fn the_order_of_nodes_in_the_spec_changes_nothing_about_the_target(
        order in Just(vec![0_usize, 1, 2]).prop_shuffle()
    ) {
        let mut cluster = cluster();
        let nodes = cluster.nodes.clone();
        cluster.nodes = order.into_iter().map(|index| nodes[index].clone()).collect();
        let plan = bootstrap(&cluster, &fresh(), &Consents::default());
        prop_assert_eq!(bootstraps(&plan), ["talos-1"]);
    }
}

#[test]
fn the_fence_judges_by_everyone() {
    let judge = |states: [NodeState; 3]| {
        let names = ["talos-1", "talos-2", "talos-3"].map(name);
        let states: BTreeMap<_, _> = names.into_iter().zip(states).collect();
        fence::judge(&states)
    };
    let waiting = |n| ours(n, EtcdSigns::Waiting);
    assert_eq!(
        judge([waiting(1), waiting(2), waiting(3)]),
        fence::Verdict::Never
    );
    assert_eq!(
        judge([waiting(1), ours(2, EtcdSigns::Absent), silent()]),
        fence::Verdict::NotYet(vec![name("talos-2"), name("talos-3")])
    );
    // An etcd that is being made, or lost its quorum, knows no member but exists.
    let starting = EtcdSigns::Alive {
        healthy: false,
        members: Vec::new(),
    };
    assert_eq!(
        judge([waiting(1), ours(2, starting), silent()]),
        fence::Verdict::Exists {
            members: BTreeSet::new()
        }
    );
}

#[test]
fn the_plan_of_a_cluster_that_runs_says_that_what_stands_is_skipped() {
    let told = "etcd exists already: what stands of the following is skipped when its turn comes";
    let first = |observed: &Observed| {
        let plan = decide(observed).to_string();
        plan.lines().take(3).map(str::to_owned).collect::<Vec<_>>()
    };
    let all = alive(&["talos-1", "talos-2", "talos-3"]);
    let runs = with([ours(1, all.clone()), ours(2, all.clone()), ours(3, all)]);
    assert_eq!(first(&runs), ["bootstrap of `homelab`", "", told]);
    assert_eq!(
        first(&fresh()),
        ["bootstrap of `homelab`", "", "4. configure the machines"]
    );
}
