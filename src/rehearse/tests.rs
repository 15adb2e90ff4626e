//! The engine against the world; what happened is read from the world's own account.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::machine::mix;
use super::rehearsal::Operators;
use super::*;
use crate::catalog::Catalog;
use crate::catalog::tests::reference_cluster;
use crate::execute::{MemoryState, Outcome, RunError, Silent};
use crate::model::{Clock, NodeName};
use crate::plan::Fence;
use crate::spec::Cluster;

fn stage_of(cluster: Cluster) -> Stage {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    Stage::new(Arc::new(cluster), &catalog).expect("the reference cluster renders")
}

fn stage() -> Stage {
    stage_of(reference_cluster())
}

fn rehearse(stage: &Stage, script: &Script) -> Rehearsed {
    let rehearsed = stage.bootstrap(script, Arc::new(Silent));
    rehearsed.expect("a runtime starts")
}

/// What must hold after any number of runs: one etcd, complete; each disk written once; all ready.
fn assert_whole(report: &Report, about: &str) {
    assert_eq!(report.etcd_clusters_bootstrapped, 1, "{about}");
    let etcd = &report.etcd_clusters[0];
    assert_eq!(etcd.bootstrapped_on.as_str(), "talos-1", "{about}");
    assert_eq!(etcd.voters.len(), 3, "{about}");
    let mut wiped: Vec<_> = report.wipes.iter().map(|wipe| wipe.node.as_str()).collect();
    wiped.sort_unstable();
    assert_eq!(wiped, ["talos-1", "talos-2", "talos-3"], "{about}");
    assert!(report.nodes.iter().all(|node| node.ready), "{about}");
    assert!(report.gitops.len() > 10, "{about}");
    let waiting = report.gitops.iter().find(|object| !object.ready);
    assert!(waiting.is_none(), "{about}: {waiting:?}");
}

#[test]
fn the_reference_cluster_comes_up() {
    let rehearsed = rehearse(&stage(), &Script::default());
    rehearsed.outcome.as_ref().expect("it succeeds");
    assert_whole(&rehearsed.report, "no fault");
    assert!(rehearsed.report.vip_holder.is_some());
    assert!(
        rehearsed.distinct_points > 8,
        "{}",
        rehearsed.distinct_points
    );
    let waits = rehearsed.waits();
    assert!(waits[0].seconds >= waits[1].seconds && waits[0].seconds > 60);
}

#[test]
fn the_same_seed_gives_the_same_story_twenty_times() {
    let stage = stage();
    let story = |seed: u64| {
        let script = Script {
            seed,
            ..Script::default()
        };
        let told = rehearse(&stage, &script);
        let events = serde_json::to_string(&told.events).expect("events are JSON");
        let report = serde_json::to_string(&told.report).expect("reports are JSON");
        format!(
            "{events}\n{report}\n{} {}",
            told.points, told.distinct_points
        )
    };
    let first = story(7);
    for round in 1..20 {
        assert!(story(7) == first, "round {round} differs");
    }
    assert!(story(8) != first, "another seed tells another story");
}

/// How many rehearsals are killed; each at a point of its own.
const KILLS: u64 = 500;

#[test]
fn killed_anywhere_and_run_again_it_always_converges_on_one_etcd() {
    let stage = stage();
    let points = rehearse(&stage, &Script::default()).points;
    let next = AtomicU64::new(0);
    let killed = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= KILLS {
                        break;
                    }
                    let script = Script {
                        seed,
                        kill_at: Some(mix(seed, "kill") % points + 1),
                        faults: Vec::new(),
                    };
                    let told = rehearse(&stage, &script);
                    let replay = format!("{script:?}, {:?}", told.killed);
                    if let Err(error) = &told.outcome {
                        panic!("{replay}: {error}");
                    }
                    assert_whole(&told.report, &replay);
                    killed.fetch_add(u64::from(told.killed.is_some()), Ordering::Relaxed);
                }
            });
        }
    });
    // Seeds differ in their number of points, so a few kills come after the end.
    let killed = killed.into_inner();
    assert!(killed > KILLS * 9 / 10, "only {killed} runs were killed");
}

/// Plays a story of several runs in one world.
fn play<F: Future<Output = T>, T>(
    story: impl FnOnce(Arc<World>, Arc<dyn Clock>) -> F,
    stage: &Stage,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let (world, clock) = stage.raise(3);
        story(world, clock).await
    })
}

async fn run(
    stage: &Stage,
    world: &Arc<World>,
    clock: &Arc<dyn Clock>,
    computer: &str,
) -> Result<Outcome, RunError> {
    let operators = Operators {
        computer: computer.to_owned(),
        state: Arc::new(MemoryState::default()),
        sink: Arc::new(Silent),
        killer: Arc::new(Killer::default()),
    };
    crate::execute::bootstrap(stage.inputs(world, clock, &operators)).await
}

fn fences(result: &Result<Outcome, RunError>) -> Vec<Fence> {
    match result {
        Err(RunError::Refused { refusals, .. }) => refusals.iter().map(|it| it.fence).collect(),
        _ => Vec::new(),
    }
}

fn writes(world: &World) -> usize {
    let report = world.report();
    let all = report.mutations.iter();
    // Whoever runs holds the operator's lease; everything else would be a change.
    all.filter(|mutation| !mutation.method.contains("/leases"))
        .count()
}

#[test]
fn a_second_run_from_a_computer_without_a_journal_changes_nothing() {
    let stage = stage();
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let before = writes(&world);
            run(&stage, &world, &clock, "second")
                .await
                .expect("nothing is left to do");
            assert_whole(&world.report(), "second run");
            let report = world.report();
            let new: Vec<_> = report
                .mutations
                .iter()
                .rev()
                .take(writes(&world) - before)
                .collect();
            assert_eq!(writes(&world), before, "{new:#?}");
        },
        &stage,
    );
}

#[test]
fn two_runs_at_once_with_the_nodes_in_another_order_make_one_cluster() {
    let mut turned = reference_cluster();
    turned.nodes.reverse();
    let (stage, other) = (stage(), stage_of(turned));
    play(
        async |world, clock| {
            let (first, second) = futures::join!(
                run(&stage, &world, &clock, "first"),
                run(&other, &world, &clock, "second"),
            );
            assert!(
                first.is_ok()
                    || second.is_ok()
                    || !fences(&first).is_empty()
                    || !fences(&second).is_empty(),
                "{first:?} {second:?}"
            );
            assert!(world.report().etcd_clusters_bootstrapped <= 1);
            // Whatever became of the two, running once more finishes the work.
            tokio::time::sleep(std::time::Duration::from_mins(2)).await;
            run(&other, &world, &clock, "second")
                .await
                .expect("it comes up");
            assert_whole(&world.report(), "two at once");
        },
        &stage,
    );
}

#[test]
fn a_control_plane_that_is_off_keeps_etcd_from_being_bootstrapped() {
    let stage = stage();
    play(
        async |world, clock| {
            let name: NodeName = "talos-3".parse().expect("a name");
            world.fleet().with(|fleet| fleet.power_off(&name));
            let refused = run(&stage, &world, &clock, "first").await;
            assert!(
                fences(&refused).contains(&Fence::ControlPlaneUnreachable),
                "{refused:?}"
            );
            assert_eq!(world.report().etcd_clusters_bootstrapped, 0);
            assert_eq!(writes(&world), 0, "nothing was touched");
            world.fleet().with(|fleet| fleet.power_on(&name));
            tokio::time::sleep(std::time::Duration::from_mins(2)).await;
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            assert_whole(&world.report(), "after power came back");
        },
        &stage,
    );
}

#[test]
fn a_machine_that_lost_its_disk_never_leads_to_a_second_etcd() {
    let stage = stage();
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            // The first control plane by name is the one that a bootstrap would pick.
            let name: NodeName = "talos-1".parse().expect("a name");
            world.fleet().with(|fleet| fleet.erase(&name));
            tokio::time::sleep(std::time::Duration::from_mins(3)).await;
            let again = run(&stage, &world, &clock, "first").await;
            let report = world.report();
            assert_eq!(report.etcd_clusters_bootstrapped, 1, "{again:?}");
            let bootstraps = report
                .mutations
                .iter()
                .filter(|it| it.method.contains("Bootstrap"));
            assert_eq!(bootstraps.count(), 1, "{again:?}");
        },
        &stage,
    );
}

#[test]
fn a_machine_that_never_returns_is_named() {
    let script = Script {
        faults: vec![Fault::NodeNeverReturns],
        ..Script::default()
    };
    let told = rehearse(&stage(), &script);
    let (_, node) = &told.faults[0];
    let error = told.outcome.expect_err("it cannot come up").to_string();
    assert!(error.contains(node.as_str()), "{error}");
    assert_eq!(told.report.etcd_clusters_bootstrapped, 0);
}
