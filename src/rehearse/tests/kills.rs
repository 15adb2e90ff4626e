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
fn assert_it_converges_when_killed(committed: &Committed, kills: u64) {
    let cluster = committed.cluster();
    let stage = stage_of(cluster.clone());
    let script = Script::default();
    let told = rehearse(&stage, &script);
    assert_converged(&told, &committed.replay(&script));
    assert_whole_of(&cluster, &told.report, &committed.replay(&script));
    for number in 0..kills {
        let script = Script {
            seed: number,
            kill_at: Some(told.points * number / kills + 1),
            ..Script::default()
        };
        let again = rehearse(&stage, &script);
        let replay = format!("{}, {:?}", committed.replay(&script), again.killed());
        assert_converged(&again, &replay);
        assert_whole_of(&cluster, &again.report, &replay);
    }
}

#[test]
fn a_cluster_with_workers_comes_up_killed_or_not() {
    assert_it_converges_when_killed(&WITH_WORKERS, 16);
}

#[test]
fn a_single_machine_comes_up_killed_or_not() {
    assert_it_converges_when_killed(&ONE_MACHINE, 8);
}

/// What fails names a command without `-C`: in this repository that plays what the matrix played,
/// which is the reference cluster. The order of its components is the loader's.
#[test]
fn the_repository_s_own_spec_is_what_the_matrix_plays() {
    let sorted = |mut cluster: Cluster| {
        cluster.components.sort_by(|a, b| a.name.cmp(&b.name));
        cluster
    };
    assert_eq!(*stage().cluster, OWN.cluster());
    assert_eq!(sorted(OWN.cluster()), sorted(reference_cluster()));
    let script = Script::default();
    let (own, played) = (stage_of(OWN.cluster()), stage());
    let plan = |stage: &Stage| stage.plan(0).expect("a runtime starts").to_string();
    assert_eq!(plan(&own), plan(&played));
    let (own, played) = (rehearse(&own, &script), rehearse(&played, &script));
    assert_eq!((own.points, own.kinds), (played.points, played.kinds));
}

#[test]
fn what_fails_on_another_cluster_names_its_folder() {
    let script = Script {
        seed: 3,
        kill_at: Some(40),
        ..Script::default()
    };
    assert_eq!(
        WITH_WORKERS.replay(&script),
        "homelab -C tests/fixtures/clusters/with-workers rehearse --seed 3 --kill-at 40"
    );
    for (committed, control_planes, workers) in [(WITH_WORKERS, 3, 2), (ONE_MACHINE, 1, 0)] {
        let cluster = committed.cluster();
        let of_role = |role| {
            cluster
                .nodes
                .iter()
                .filter(|node| node.role == role)
                .count()
        };
        let found = (of_role(Role::ControlPlane), of_role(Role::Worker));
        assert_eq!(found, (control_planes, workers), "{}", committed.folder);
        let root = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = root.join(committed.folder).join("homelab.yaml");
        let read = std::fs::read_to_string(&file).expect("the command finds it");
        assert_eq!(read, committed.spec, "{file}");
    }
}
