//! The engine against the world; what happened is read from the world's own account.

mod apply;
mod conditions;
mod faults;
mod fences;
mod guards;
mod health;
mod kills;
mod operators;
mod scale;
mod schedules;
mod witness;

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use super::kubernetes::key_of;
use super::machine::{Holding, MachineSpec};
use super::stage::Operators;
use super::*;
use crate::catalog::Catalog;
use crate::catalog::tests::reference_cluster;
use crate::execute::observer::Observer;
use crate::execute::{MemoryState, Outcome, RunError, Silent};
use crate::model::{Clock, NodeName, Version};
use crate::plan::Fence;
use crate::spec::Cluster;
use crate::spec::cluster::Role;

fn stage_of(cluster: Cluster) -> Stage {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    Stage::new(Arc::new(cluster), &catalog).expect("the reference cluster renders")
}

/// A cluster whose spec is committed, so that what fails on it is replayed with the built program.
struct Committed {
    /// Where the spec lies, from the repository's root on.
    folder: &'static str,
    spec: &'static str,
}

/// The project's own, the reference cluster: a command without `-C` plays it in the repository's root.
const OWN: Committed = Committed {
    folder: ".",
    spec: include_str!("../../../homelab.yaml"),
};

const WITH_WORKERS: Committed = Committed {
    folder: "tests/fixtures/clusters/with-workers",
    spec: include_str!("../../../tests/fixtures/clusters/with-workers/homelab.yaml"),
};

const ONE_MACHINE: Committed = Committed {
    folder: "tests/fixtures/clusters/one-machine",
    spec: include_str!("../../../tests/fixtures/clusters/one-machine/homelab.yaml"),
};

impl Committed {
    fn cluster(&self) -> Cluster {
        let catalog = Catalog::embedded().expect("the shipped catalogue loads");
        let checked = crate::spec::load("homelab.yaml", self.spec, &catalog);
        checked.cluster.expect("a committed spec is valid")
    }

    /// The command that rehearses a script with this cluster, from the repository's root.
    fn replay(&self, script: &Script) -> String {
        let here = format!("homelab -C {}", self.folder);
        script.to_string().replacen("homelab", &here, 1)
    }
}

fn stage() -> Stage {
    stage_of(OWN.cluster())
}

fn rehearse(stage: &Stage, script: &Script) -> Rehearsed {
    let rehearsed = stage.bootstrap(script, Arc::new(Silent));
    rehearsed.expect("a runtime starts")
}

/// Unwraps a rehearsal in which everything came up.
fn assert_converged(told: &Rehearsed, about: &str) {
    assert!(told.converged(), "{about}: {:?}", told.error());
}

/// Rehearses every script on as many threads as there are processors; names every one that fails.
fn for_all(scripts: Vec<Script>, check: impl Fn(&Script) + Sync) {
    let queue = std::sync::Mutex::new(scripts.into_iter());
    let failed = std::sync::Mutex::new(Vec::new());
    let lock = |queue: &std::sync::Mutex<std::vec::IntoIter<Script>>| {
        queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .next()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(script) = lock(&queue) {
                    let checked = std::panic::AssertUnwindSafe(|| check(&script));
                    if std::panic::catch_unwind(checked).is_err() {
                        let mut failed = failed.lock().expect("nobody panics while holding it");
                        failed.push(script.to_string());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics while holding it");
    assert!(failed.is_empty(), "replay with:\n{}", failed.join("\n"));
}

/// Says how much was done, in the output of a test that prints it.
#[expect(clippy::print_stdout, reason = "a long test says what it did")]
fn tell(what: &str, began: std::time::Instant) {
    println!("{what}, in {} s", began.elapsed().as_secs());
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
    assert_converged(&rehearsed, "no fault");
    assert_whole(&rehearsed.report, "no fault");
    assert!(rehearsed.report.vip_holder.is_some());
    assert!(rehearsed.kinds.len() > 100, "{}", rehearsed.kinds.len());
    let waits = rehearsed.waits();
    assert!(waits[0].seconds >= waits[1].seconds && waits[0].seconds > 60);
}

#[test]
fn clusters_of_other_releases_come_up() {
    for version in [
        Version::new(1, 10, 9),
        Version::new(1, 11, 6),
        Version::new(1, 12, 4),
        Version::new(1, 14, 0),
    ] {
        let mut cluster = reference_cluster();
        for node in &mut cluster.nodes {
            node.version = version.clone();
        }
        let rehearsed = rehearse(&stage_of(cluster.clone()), &Script::default());
        assert_converged(&rehearsed, &version.to_string());
        assert_whole_of(&cluster, &rehearsed.report, &version.to_string());
    }
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
        format!("{events}\n{report}\n{} {:?}", told.points, told.kinds)
    };
    let first = story(7);
    for round in 1..20 {
        assert!(story(7) == first, "round {round} differs");
    }
    assert!(story(8) != first, "another seed tells another story");
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

/// Plays a story of several runs in one world.
fn play<F: Future<Output = T>, T>(
    story: impl FnOnce(Arc<World>, Arc<dyn Clock>) -> F,
    stage: &Stage,
) -> T {
    play_with(stage, |_| {}, story)
}

/// Plays in a cluster that one run has brought up.
fn play_in_cluster<F: Future<Output = ()>>(
    story: impl FnOnce(Arc<World>, Arc<dyn Clock>) -> F,
    stage: &Stage,
) {
    play(
        async |world, clock| {
            let ended = run(stage, &world, &clock, "one").await;
            ended.expect("it comes up");
            story(world, clock).await;
        },
        stage,
    );
}

/// Plays in a world whose machines are not as ordinary as usual.
fn play_with<F: Future<Output = T>, T>(
    stage: &Stage,
    change: impl FnOnce(&mut Vec<MachineSpec>),
    story: impl FnOnce(Arc<World>, Arc<dyn Clock>) -> F,
) -> T {
    let mut machines = MachineSpec::of_cluster(&stage.cluster);
    change(&mut machines);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let (world, clock) = stage.raise_with(machines, 3);
        story(world, clock).await
    })
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

async fn pass(seconds: u64) {
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
}

fn names() -> Vec<NodeName> {
    let cluster = reference_cluster();
    cluster.nodes.iter().map(|node| node.name.clone()).collect()
}

/// Tells whether the world has an object of which this is true.
fn some(world: &World, group: &str, plural: &str, is_it: impl Fn(&Value) -> bool) -> bool {
    let mut found = false;
    world.with_sides(|api, _| {
        found |= api.read(|store| store.list(group, plural).any(|object| is_it(object)));
    });
    found
}

/// Puts something wrong into the cluster that every other look leaves open.
fn change(world: &World, group: &str, plural: &str, status: &Value) -> Value {
    let mut before = Value::Null;
    world.with_sides(|api, _| {
        let object = api.read(|store| store.list(group, plural).next().cloned());
        let object = object.expect("there is one");
        let resource = api.read(|store| store.resource_of(&object));
        before = object["status"].clone();
        api.set_status(
            &resource.expect("its kind"),
            &key_of(&object),
            status.clone(),
        );
    });
    before
}

/// Somebody who asks conditions and acts, without a plan.
fn observer(stage: &Stage, world: &Arc<World>, clock: &Arc<dyn Clock>) -> Observer {
    Observer::new(inputs(stage, world, clock, "one"))
}

/// The same with the credentials for Kubernetes.
async fn informed(stage: &Stage, world: &Arc<World>, clock: &Arc<dyn Clock>) -> Observer {
    let observer = observer(stage, world, clock);
    assert!(observer.has_kubeconfig(&name("talos-1")).await);
    observer
}

/// The stage of a spec in which two machines have changed places.
fn with_changed_places(one: usize, other: usize) -> Stage {
    let mut turned = reference_cluster();
    let address = turned.nodes[one].address;
    turned.nodes[one].address = turned.nodes[other].address;
    turned.nodes[other].address = address;
    stage_of(turned)
}

fn holding(label: &str) -> Holding {
    Holding {
        kind: "zfs".to_owned(),
        label: label.to_owned(),
        size: 480_000_000_000,
    }
}

async fn run(
    stage: &Stage,
    world: &Arc<World>,
    clock: &Arc<dyn Clock>,
    computer: &str,
) -> Result<Outcome, RunError> {
    crate::execute::bootstrap(inputs(stage, world, clock, computer)).await
}

/// Somebody at a computer that remembers this.
fn operators(computer: &str, memory: &Arc<MemoryState>) -> Operators {
    Operators {
        computer: computer.to_owned(),
        state: Arc::clone(memory),
        sink: Arc::new(Silent),
        killer: Arc::new(Killer::default()),
    }
}

/// What a run from this computer works with, which remembers nothing.
fn inputs(
    stage: &Stage,
    world: &Arc<World>,
    clock: &Arc<dyn Clock>,
    computer: &str,
) -> crate::execute::Inputs {
    let operators = operators(computer, &Arc::new(MemoryState::default()));
    stage.inputs(world, clock, &operators)
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
