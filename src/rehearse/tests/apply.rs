//! An edited spec on a cluster that runs: what the machines took, and that etcd never lost its
//! quorum meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::execute;
use crate::plan::{Action, Consents, Step};
use crate::spec::cluster::Patch;

/// The cluster with one change for every machine.
fn changed(cluster: Cluster, content: Value) -> Stage {
    let mut cluster = cluster;
    cluster.patches.all.push(Patch {
        content,
        line: 1,
        ..Patch::default()
    });
    stage_of(cluster)
}

/// Talos takes it at once.
fn live() -> Value {
    json!({"machine": {"sysctls": {"vm.max_map_count": "262144"}}})
}

/// Talos restarts the machine for it.
fn with_restart() -> Value {
    json!({"machine": {"env": {"GODEBUG": "gctrace=0"}}})
}

fn operators(computer: &str, kill_at: Option<u64>) -> (Operators, Arc<Killer>) {
    let killer = Arc::new(Killer::new(kill_at));
    let operators = Operators {
        computer: computer.to_owned(),
        state: Arc::new(MemoryState::default()),
        sink: Arc::new(Silent),
        killer: Arc::clone(&killer),
    };
    (operators, killer)
}

async fn apply_without(
    stage: &Stage,
    world: &Arc<World>,
    clock: &Arc<dyn Clock>,
    without: &[&str],
) -> Result<Outcome, RunError> {
    let mut inputs = stage.inputs(world, clock, &operators("applying", None).0);
    inputs.consents = Consents {
        without: without.iter().map(|it| name(it)).collect(),
        ..Consents::default()
    };
    execute::apply(inputs).await
}

async fn apply(
    stage: &Stage,
    world: &Arc<World>,
    clock: &Arc<dyn Clock>,
) -> Result<Outcome, RunError> {
    apply_without(stage, world, clock, &[]).await
}

/// The machines that were sent a configuration from a moment on, in order.
fn configured(world: &World, since: Timestamp) -> Vec<String> {
    let report = world.report();
    let new = report.mutations.iter().filter(|it| it.at >= since);
    new.filter(|it| it.method == "ApplyConfiguration")
        .map(|it| it.node.clone())
        .collect()
}

fn count(world: &World) -> usize {
    let report = world.report();
    let of_machines = |method: &str| !method.contains('/');
    report
        .mutations
        .iter()
        .filter(|it| of_machines(&it.method))
        .count()
}

/// Watches for as long as it is polled that etcd can take decisions.
async fn watch_quorum(world: &World) -> std::convert::Infallible {
    loop {
        let report = world.report();
        assert_eq!(report.etcd_clusters_bootstrapped, 1);
        assert!(report.etcd_clusters[0].quorum, "no quorum at {}", report.at);
        let away = report.nodes.iter().filter(|node| node.stage != "running");
        assert!(away.count() <= 1, "{:?}", report.nodes);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What each machine runs for a place of its configuration.
fn runs(world: &World, pointer: &str) -> Vec<Option<String>> {
    world.fleet().with(|fleet| {
        let machines = fleet.machines().iter();
        let value = |config: &machine::MachineConfig| config.text_at(pointer).map(str::to_owned);
        machines.map(|it| it.config().and_then(value)).collect()
    })
}

const ENV: &str = "/machine/env/GODEBUG";

#[test]
fn a_live_change_reaches_every_machine_and_none_restarts() {
    let stage = stage();
    let edited = changed(reference_cluster(), live());
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let sessions = || {
                let fleet = world.fleet();
                fleet.with(|it| {
                    it.machines()
                        .iter()
                        .map(machine::Machine::session)
                        .collect::<Vec<_>>()
                })
            };
            let before = sessions();
            let began = world.now();
            apply(&edited, &world, &clock).await.expect("it is taken");
            assert_eq!(before, sessions(), "no machine restarted");
            assert_eq!(configured(&world, began), ["talos-1", "talos-2", "talos-3"]);
            let value = Some("262144".to_owned());
            let pointer = "/machine/sysctls/vm.max_map_count";
            assert_eq!(runs(&world, pointer), [value.clone(), value.clone(), value]);
            let again = count(&world);
            let outcome = apply(&edited, &world, &clock)
                .await
                .expect("nothing is left");
            assert!(outcome.done.is_empty(), "{outcome:?}");
            assert_eq!(count(&world), again);
        },
        &stage,
    );
}

#[test]
fn restarts_come_one_after_the_other_workers_first_and_etcd_keeps_its_quorum() {
    let cluster = WITH_WORKERS.cluster();
    let stage = stage_of(cluster.clone());
    let edited = changed(cluster, with_restart());
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let began = world.now();
            tokio::select! {
                result = apply(&edited, &world, &clock) => { result.expect("it is taken"); }
                never = watch_quorum(&world) => match never {},
            }
            assert_eq!(
                configured(&world, began),
                ["worker-4", "worker-5", "talos-1", "talos-2", "talos-3"]
            );
            assert!(runs(&world, ENV).iter().all(Option::is_some));
        },
        &stage,
    );
}

#[test]
fn a_run_that_was_killed_goes_on_from_what_stands() {
    let stage = stage();
    let edited = changed(reference_cluster(), with_restart());
    for part in 1..=4 {
        play(
            async |world, clock| {
                run(&stage, &world, &clock, "first")
                    .await
                    .expect("it comes up");
                let began = world.now();
                let kill_at = 60 * part;
                let (first, killer) = operators("first", Some(kill_at));
                tokio::select! {
                    biased;
                    () = killer.cut() => {}
                    ended = execute::apply(edited.inputs(&world, &clock, &first)) => {
                        ended.expect("it is taken before it was to be killed");
                    }
                    never = watch_quorum(&world) => match never {},
                }
                tokio::select! {
                    result = apply(&edited, &world, &clock) => { result.expect("it goes on"); }
                    never = watch_quorum(&world) => match never {},
                }
                assert!(runs(&world, ENV).iter().all(Option::is_some), "{kill_at}");
                let sent = configured(&world, began);
                let twice = ["talos-1", "talos-2", "talos-3"]
                    .map(|node| sent.iter().filter(|it| **it == node).count())
                    .into_iter()
                    .filter(|count| *count > 2)
                    .count();
                assert_eq!(twice, 0, "{kill_at}: {sent:?}");
            },
            &stage,
        );
    }
}

#[test]
fn a_member_that_is_down_stops_a_change_that_restarts_another() {
    let stage = stage();
    let edited = changed(reference_cluster(), with_restart());
    let mild = changed(reference_cluster(), live());
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            world
                .fleet()
                .with(|fleet| fleet.power_off(&name("talos-2")));
            tokio::time::sleep(Duration::from_mins(2)).await;
            let before = count(&world);
            let refused = apply(&edited, &world, &clock).await;
            assert!(
                fences(&refused).contains(&Fence::MachineUnreachable),
                "{refused:?}"
            );
            // Left out by name it still counts as a voter.
            let refused = apply_without(&edited, &world, &clock, &["talos-2"]).await;
            assert_eq!(
                fences(&refused),
                [Fence::Quorum, Fence::Quorum],
                "{refused:?}"
            );
            assert_eq!(count(&world), before, "nothing was touched");
            assert!(world.report().etcd_clusters[0].quorum);
            // What restarts nothing may go to the others.
            let taken = apply_without(&mild, &world, &clock, &["talos-2"]).await;
            taken.expect("it is taken");
        },
        &stage,
    );
}

#[test]
fn what_a_cluster_keeps_for_life_is_refused() {
    let stage = stage();
    let mut networks = reference_cluster();
    networks.network.pods = vec!["10.99.0.0/16".parse().expect("a network")];
    let mut renamed = reference_cluster();
    renamed.name = name("another");
    for edited in [stage_of(networks), stage_of(renamed)] {
        play(
            async |world, clock| {
                run(&stage, &world, &clock, "first")
                    .await
                    .expect("it comes up");
                let before = count(&world);
                let refused = apply(&edited, &world, &clock).await;
                assert!(
                    fences(&refused).contains(&Fence::IdentityField),
                    "{refused:?}"
                );
                assert_eq!(count(&world), before);
            },
            &stage,
        );
    }
}

#[test]
fn bare_machines_are_no_cluster_to_be_changed() {
    let stage = stage();
    play(
        async |world, clock| {
            let refused = apply(&stage, &world, &clock).await;
            assert!(
                fences(&refused)
                    .iter()
                    .all(|it| *it == Fence::NotBootstrapped),
                "{refused:?}"
            );
            assert_eq!(count(&world), 0);
        },
        &stage,
    );
}

#[test]
fn a_step_acts_only_once_its_precondition_holds() {
    let stage = stage();
    let edited = changed(reference_cluster(), with_restart());
    play_in_cluster(
        async |world, clock| {
            let applying = edited.inputs(&world, &clock, &operators("applying", None).0);
            let (_, plan) = execute::plan_change(&applying).await;
            let asked = informed(&edited, &world, &clock).await;
            asked.act(&Action::TakeLease).await.expect("it is free");
            let restarts = |step: &&Step| matches!(&step.action, Action::ApplyConfiguration { node, .. } if node.as_str() == "talos-1");
            let step = plan.steps.iter().find(restarts).expect("it is planned");

            // Between the plan and the step another voter goes away.
            let third = name("talos-3");
            world.fleet().with(|fleet| fleet.power_off(&third));
            let comes_back = async {
                pass(120).await;
                assert_eq!(runs(&world, ENV)[0], None, "it was restarted");
                world.fleet().with(|fleet| fleet.power_on(&third));
            };
            let (walked, ()) = futures::join!(asked.walk(step), comes_back);
            walked.expect("it goes on when the voter is back");
            assert!(runs(&world, ENV)[0].is_some());
            assert_eq!(world.report().violations, []);
        },
        &stage,
    );
}

#[test]
fn two_who_apply_at_once_do_not_restart_two_machines_at_once() {
    let stage = stage();
    let edited = changed(reference_cluster(), with_restart());
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let first = execute::apply(edited.inputs(&world, &clock, &operators("one", None).0));
            let second = execute::apply(edited.inputs(&world, &clock, &operators("two", None).0));
            let both = async { futures::join!(first, second) };
            let (one, two) = tokio::select! {
                both = both => both,
                never = watch_quorum(&world) => match never {},
            };
            assert_one_got_through(&[one, two]);
            assert_eq!(world.report().violations, []);
            assert!(runs(&world, ENV).iter().all(Option::is_some));
        },
        &stage,
    );
}

#[test]
fn bootstrap_does_not_roll_an_edited_spec_out_and_names_what_does() {
    let stage = stage();
    let edited = changed(reference_cluster(), live());
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let before = count(&world);
            let reported = run(&edited, &world, &clock, "first").await;
            let Err(RunError::Refused { refusals, .. }) = &reported else {
                panic!("{reported:?}");
            };
            assert_eq!(refusals.len(), 3);
            for refusal in refusals {
                assert_eq!(refusal.fence, Fence::ConfigurationDiffers);
                assert!(
                    refusal.remedy.contains("`homelab plan`"),
                    "{}",
                    refusal.remedy
                );
            }
            assert_eq!(count(&world), before);
        },
        &stage,
    );
}
