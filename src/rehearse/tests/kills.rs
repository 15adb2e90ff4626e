//! Runs that are killed at every kind of point, and started again in every way.

use super::*;

/// One script for each kind of point (a request sent, a change made whose reply is lost, a reply
/// received, a journal line written; with whom, in which step) and each way to start again.
fn matrix(stage: &Stage) -> Vec<Script> {
    let kinds = rehearse(stage, &Script::default()).kinds;
    let steps: std::collections::BTreeSet<_> = kinds.iter().map(|(_, kind)| &kind.step).collect();
    assert!(steps.len() > 20, "every step has points: {steps:?}");
    for what in [
        "request sent",
        "reply not sent",
        "reply received",
        "journal",
    ] {
        let count = kinds
            .iter()
            .filter(|(_, kind)| kind.what.contains(what))
            .count();
        assert!(count > 20, "{count} points are of the kind {what}");
    }
    let scripts = kinds.iter().flat_map(|(point, _)| {
        Resume::ALL.map(|resume| Script {
            kill_at: Some(*point),
            resume,
            ..Script::default()
        })
    });
    scripts.collect()
}

fn assert_killed_and_whole(stage: &Stage, script: &Script) {
    let told = rehearse(stage, script);
    let replay = format!("{script}, {:?}", told.killed());
    assert!(told.killed().is_some(), "{replay}");
    assert_converged(&told, &replay);
    assert_whole(&told.report, &replay);
}

#[test]
fn killed_at_every_kind_of_point_it_converges_on_one_etcd() {
    let stage = stage();
    let scripts = matrix(&stage);
    let (count, began) = (scripts.len(), std::time::Instant::now());
    for_all(scripts, |script| assert_killed_and_whole(&stage, script));
    tell(&format!("{count} kills, each started again"), began);
}

#[test]
#[ignore = "takes minutes; `scripts/soak` runs it"]
fn killed_at_every_single_point_it_converges_on_one_etcd() {
    let stage = stage();
    let points = rehearse(&stage, &Script::default()).points;
    let at = |point| {
        Resume::ALL.map(|resume| Script {
            kill_at: Some(point),
            resume,
            ..Script::default()
        })
    };
    let scripts: Vec<_> = (1..=points).flat_map(at).collect();
    let (count, began) = (scripts.len(), std::time::Instant::now());
    for_all(scripts, |script| assert_killed_and_whole(&stage, script));
    tell(&format!("{count} kills, each started again"), began);
}

/// Rehearses without a kill, and with some that lie evenly over the whole run.
fn assert_it_converges_when_killed(cluster: &Cluster, kills: u64) {
    let stage = stage_of(cluster.clone());
    let told = rehearse(&stage, &Script::default());
    assert_converged(&told, "no fault");
    assert_whole_of(cluster, &told.report, "no fault");
    for number in 0..kills {
        let script = Script {
            seed: number,
            kill_at: Some(told.points * number / kills + 1),
            ..Script::default()
        };
        let again = rehearse(&stage, &script);
        let replay = format!("{script}, {:?}", again.killed());
        assert_converged(&again, &replay);
        assert_whole_of(cluster, &again.report, &replay);
    }
}

#[test]
fn a_cluster_with_workers_comes_up_killed_or_not() {
    assert_it_converges_when_killed(&with_workers(), 16);
}

#[test]
fn a_single_machine_comes_up_killed_or_not() {
    assert_it_converges_when_killed(&of_one_machine(), 8);
}
