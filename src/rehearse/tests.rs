//! The engine against the world; what happened is read from the world's own account.

mod apply;
mod fences;
mod health;

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
use crate::spec::cluster::{DiskSelector, NicSelector, Role};

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
    assert_whole_of(&reference_cluster(), report, about);
}

fn assert_whole_of(cluster: &Cluster, report: &Report, about: &str) {
    assert_eq!(report.etcd_clusters_bootstrapped, 1, "{about}");
    let etcd = &report.etcd_clusters[0];
    assert_eq!(etcd.bootstrapped_on.as_str(), "talos-1", "{about}");
    let mut voters = etcd.voters.clone();
    voters.sort();
    let of_role = |wanted: Option<Role>| {
        let nodes = cluster.nodes.iter();
        let wanted = nodes.filter(|node| wanted.is_none_or(|role| node.role == role));
        let mut names: Vec<_> = wanted.map(|node| node.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(voters, of_role(Some(Role::ControlPlane)), "{about}");
    let mut wiped: Vec<_> = report.wipes.iter().map(|wipe| wipe.node.clone()).collect();
    wiped.sort();
    assert_eq!(wiped, of_role(None), "{about}");
    assert_eq!(report.nodes.len(), cluster.nodes.len(), "{about}");
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

/// The reference cluster with two workers; its control planes take no other pods.
fn with_workers() -> Cluster {
    let mut cluster = reference_cluster();
    cluster.control_plane.schedulable = false;
    for number in [4, 5] {
        let mut worker = cluster.nodes[0].clone();
        worker.name = format!("worker-{number}").parse().expect("a name");
        worker.role = Role::Worker;
        worker.address = [192, 168, 1, 100 + number].into();
        worker.disk = DiskSelector::Serial(format!("S4EVNX0R10000{number}"));
        worker.nic = NicSelector::Mac(format!("52:54:00:00:00:0{number}").parse().expect("a MAC"));
        cluster.nodes.push(worker);
    }
    cluster
}

/// One machine that is everything, reached by its own address.
fn of_one_machine() -> Cluster {
    let mut cluster = reference_cluster();
    cluster.nodes.truncate(1);
    cluster.control_plane.vip = None;
    cluster.control_plane.endpoint.host = "192.168.1.101".to_owned();
    cluster
        .components
        .retain(|component| component.name != "kube-vip");
    cluster
}

/// Of runs at the same time at least one does the work, and the others do it too or step back.
fn assert_one_got_through(results: &[Result<Outcome, RunError>]) {
    let is_busy = |result: &&Result<Outcome, RunError>| fences(result) == [Fence::OperatorBusy];
    let done = results.iter().filter(|result| result.is_ok()).count();
    let stepped_back = results.iter().filter(is_busy).count();
    assert!(
        done >= 1 && done + stepped_back == results.len(),
        "{results:?}"
    );
}

/// Rehearses without a kill, and with some that lie evenly over the whole run.
fn assert_it_converges_when_killed(cluster: &Cluster, kills: u64) {
    let stage = stage_of(cluster.clone());
    let told = rehearse(&stage, &Script::default());
    told.outcome.as_ref().expect("it succeeds");
    assert_whole_of(cluster, &told.report, "no fault");
    for number in 0..kills {
        let script = Script {
            seed: number,
            kill_at: Some(told.points * number / kills + 1),
            faults: Vec::new(),
        };
        let again = rehearse(&stage, &script);
        let replay = format!("{script:?}, {:?}", again.killed);
        if let Err(error) = &again.outcome {
            panic!("{replay}: {error}");
        }
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

#[test]
fn a_worker_that_was_off_is_configured_as_soon_as_it_appears() {
    let cluster = with_workers();
    let stage = stage_of(cluster.clone());
    play(
        async |world, clock| {
            let name: NodeName = "worker-5".parse().expect("a name");
            world.fleet().with(|fleet| fleet.power_off(&name));
            let switched_on = async {
                tokio::time::sleep(std::time::Duration::from_mins(10)).await;
                world.fleet().with(|fleet| fleet.power_on(&name));
            };
            let (ended, ()) = futures::join!(run(&stage, &world, &clock, "first"), switched_on);
            ended.expect("it comes up in one run");
            assert_whole_of(&cluster, &world.report(), "a late worker");
        },
        &stage,
    );
}

#[test]
fn two_runs_at_once_do_not_wait_for_what_the_other_configures() {
    let cluster = with_workers();
    let stage = stage_of(cluster.clone());
    play(
        async |world, clock| {
            let began = clock.now();
            let (first, second) = futures::join!(
                run(&stage, &world, &clock, "first"),
                run(&stage, &world, &clock, "second"),
            );
            let took = clock.now().duration_since(began).as_secs();
            assert_one_got_through(&[first, second]);
            assert!(took < 20 * 60, "it took {took} s");
            assert_whole_of(&cluster, &world.report(), "two at once");
        },
        &stage,
    );
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
            assert_one_got_through(&[first, second]);
            assert_eq!(world.report().etcd_clusters_bootstrapped, 1);
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
            again.expect("it joins again");
            assert!(report.nodes.iter().all(|node| node.ready));
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
    let error = told.outcome.expect_err("it cannot come up");
    assert!(error.to_string().contains(node.as_str()), "{error}");
    let RunError::Step {
        diagnosis: Some(diagnosis),
        ..
    } = error
    else {
        panic!("no diagnosis: {error:?}");
    };
    assert_eq!(
        diagnosis.cause,
        "the machine is off, has another address, or did not start from its disk"
    );
    assert!(diagnosis.command.contains(node.as_str()), "{diagnosis:?}");
    assert_eq!(told.report.etcd_clusters_bootstrapped, 0);
}
