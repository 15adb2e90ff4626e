//! Attacks on the fences: a world in which going on would do harm, and what became of it.

use std::time::Duration;

use super::*;
use crate::execute::Secrets;
use crate::model::Secret;
use crate::pki::{SecretsBundle, SystemEntropy};
use crate::plan::{Condition, Consents, Milestone, Wipe};
use crate::rehearse::machine::MachineSpec;
use crate::render::reference::{SecretRef, SecretSource};
use crate::talos::Talos;

#[test]
fn a_disk_that_holds_something_is_only_wiped_with_its_own_consent() {
    let stage = stage();
    let tank = |machines: &mut Vec<MachineSpec>| machines[1].disks[0].holds.push(holding("tank"));
    play_with(&stage, tank, async |world, clock| {
        let refused = run(&stage, &world, &clock, "one").await;
        assert_eq!(fences(&refused), [Fence::DiskInUse], "{refused:?}");
        assert_eq!(writes(&world), 0);
        let with = async |consent: &str| {
            let mut inputs = inputs(&stage, &world, &clock, "one");
            let wipe: Wipe = consent.parse().expect("a consent");
            inputs.consents.allow_wipe(wipe);
            crate::execute::bootstrap(inputs).await
        };
        let refused = with("talos-1=S4EVNX0R100002").await;
        assert_eq!(
            fences(&refused),
            [Fence::DiskInUse],
            "another machine's consent"
        );
        assert!(world.report().wipes.is_empty());
        with("talos-2=S4EVNX0R100002")
            .await
            .expect("it may be lost");
        let wipes = world.report().wipes;
        let lost: Vec<_> = wipes.iter().filter(|it| !it.held.is_empty()).collect();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert_eq!(lost[0].node.as_str(), "talos-2");
    });
}

#[test]
fn a_disk_that_nobody_could_look_at_counts_as_one_that_holds_something() {
    let stage = stage();
    play(
        async |world, clock| {
            let second = name("talos-2");
            let unread = |unread| {
                let fleet = world.fleet();
                fleet.with(|it| it.afflict(&second, |ails| ails.unread_disks = unread));
            };
            unread(true);
            let refused = run(&stage, &world, &clock, "one").await;
            assert_eq!(fences(&refused), [Fence::DiskInUse], "{refused:?}");
            assert_eq!(writes(&world), 0);
            unread(false);
            run(&stage, &world, &clock, "one")
                .await
                .expect("it is empty");
        },
        &stage,
    );
}

#[test]
fn a_second_disk_that_holds_something_is_never_touched() {
    let stage = stage();
    let second = |machines: &mut Vec<MachineSpec>| {
        for machine in machines {
            let mut disk = machine.disks[0].clone();
            disk.id = "sdb".to_owned();
            disk.serial = format!("DATA-{}", machine.name);
            disk.wwid = format!("data.{}", machine.name);
            disk.holds.push(holding("photos"));
            machine.disks.push(disk);
        }
    };
    play_with(&stage, second, async |world, clock| {
        run(&stage, &world, &clock, "one")
            .await
            .expect("it comes up");
        let wipes = world.report().wipes;
        assert_eq!(wipes.len(), 3);
        assert!(wipes.iter().all(|it| it.held.is_empty()), "{wipes:?}");
    });
}

#[test]
fn a_machine_whose_clock_differs_is_refused_before_anything_is_touched() {
    let stage = stage();
    let late = |machines: &mut Vec<MachineSpec>| machines[1].clock_offset = -3600;
    play_with(&stage, late, async |world, clock| {
        let refused = run(&stage, &world, &clock, "one").await;
        assert_eq!(fences(&refused), [Fence::ClockSkew], "{refused:?}");
        assert_eq!(writes(&world), 0);
    });
}

/// Every reference to a bundle leads into another one.
struct Other(SecretsBundle);

impl SecretSource for Other {
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let own = SecretSource::lookup(&self.0, reference);
        own.or_else(|| Some(Secret::new("another".to_owned())))
    }
}

/// The configuration of a machine of another cluster, which was made from the same spec.
pub(super) fn of_another_cluster(node: &NodeName, now: jiff::Timestamp) -> String {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    let bundle = SecretsBundle::generate(now, &mut SystemEntropy).expect("it can be made");
    let again = SecretsBundle::parse(bundle.to_yaml().expose()).expect("it reads itself");
    let cluster = reference_cluster();
    let entropy = &mut SystemEntropy;
    let secrets = Secrets::from_bundle(&cluster, &catalog, &bundle, &Other(again), now, entropy);
    let secrets = secrets.expect("the reference cluster joins");
    secrets.configurations[node].expose().clone()
}

#[test]
fn a_machine_of_another_cluster_is_never_touched_nor_counted_as_one_of_ours() {
    let stage = stage();
    play(
        async |world, clock| {
            let stranger = name("talos-2");
            let config = of_another_cluster(&stranger, clock.now());
            world.fleet().with(|fleet| {
                fleet
                    .preinstall(&stranger, config.as_bytes())
                    .expect("Talos takes it");
            });
            tokio::time::sleep(Duration::from_mins(3)).await;
            let refused = run(&stage, &world, &clock, "one").await;
            assert_eq!(fences(&refused), [Fence::ForeignIdentity], "{refused:?}");
            assert_eq!(writes(&world), 0);
            let refused = crate::execute::apply(inputs(&stage, &world, &clock, "one")).await;
            assert!(
                fences(&refused).contains(&Fence::ForeignIdentity),
                "{refused:?}"
            );
            assert_eq!(writes(&world), 0);
            assert_eq!(world.report().etcd_clusters_bootstrapped, 0);
        },
        &stage,
    );
}

#[test]
fn one_run_at_a_time_on_one_computer_whatever_it_is() {
    let stage = stage();
    play(
        async |world, clock| {
            let memory = Arc::new(MemoryState::default());
            let inputs = || stage.inputs(&world, &clock, &operators("one", &memory));
            let mut with_force = inputs();
            with_force.consents.break_lock = true;
            let (first, second, third) = futures::join!(
                crate::execute::bootstrap(inputs()),
                crate::execute::bootstrap(with_force),
                crate::execute::apply(inputs()),
            );
            first.expect("it comes up");
            for locked in [second, third] {
                assert!(matches!(locked, Err(RunError::Locked)), "{locked:?}");
            }
            crate::execute::bootstrap(inputs())
                .await
                .expect("the lock went with its run");
        },
        &stage,
    );
}

#[test]
fn leaving_out_what_is_silent_takes_a_typed_name() {
    let stage = stage();
    play(
        async |world, clock| {
            world
                .fleet()
                .with(|fleet| fleet.power_off(&name("talos-1")));
            let mut inputs = inputs(&stage, &world, &clock, "one");
            inputs.consents = Consents {
                without: [name("talos-1")].into(),
                ..Consents::default()
            };
            crate::execute::bootstrap(inputs)
                .await
                .expect("two control planes come up");
            let report = world.report();
            assert_eq!(report.etcd_clusters_bootstrapped, 1);
            assert_eq!(report.etcd_clusters[0].bootstrapped_on.as_str(), "talos-2");
        },
        &stage,
    );
}

#[test]
fn a_control_plane_that_was_left_out_and_lives_keeps_its_etcd_the_only_one() {
    let stage = stage();
    play(
        async |world, clock| {
            let alone = |name_of_others: &[&str], until| {
                let mut inputs = inputs(&stage, &world, &clock, "one");
                inputs.consents = Consents {
                    without: name_of_others.iter().map(|it| name(it)).collect(),
                    ..Consents::default()
                };
                inputs.until = until;
                crate::execute::bootstrap(inputs)
            };
            let first = alone(&["talos-2", "talos-3"], Some(Milestone::Etcd)).await;
            first.expect("it stops there");
            assert_eq!(world.report().etcd_clusters_bootstrapped, 1);
            let before = writes(&world);
            let refused = alone(&["talos-1"], None).await;
            assert_eq!(fences(&refused), [Fence::LeftOutAlive], "{refused:?}");
            assert_eq!(writes(&world), before);
        },
        &stage,
    );
}

/// Two calls to two machines at once, by somebody who does not use this program.
async fn split(world: &Arc<World>, clock: &Arc<dyn Clock>, stage: &Stage) {
    let mut inputs = inputs(stage, world, clock, "one");
    inputs.until = Some(Milestone::Machines);
    let secrets = inputs.secrets.clone().expect("a stage has a bundle");
    let connector = Arc::clone(&inputs.connector);
    let talos = Talos::new(secrets.talos.clone(), connector, Arc::clone(clock));
    let outcome = crate::execute::bootstrap(inputs).await;
    let outcome = outcome.expect("it stops there");
    assert_eq!(outcome.until, Some(Milestone::Machines));
    // Until the container runtime and the clock are ready, nobody bootstraps anything.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(world.report().etcd_clusters.is_empty());
    let mut clients = Vec::new();
    for node in &reference_cluster().nodes[..2] {
        clients.push(talos.ours(node.address).await.expect("it answers"));
    }
    let (one, two) = tokio::join!(clients[0].bootstrap(), clients[1].bootstrap());
    one.expect("nothing prevents it");
    two.expect("nothing prevents it");
}

#[test]
fn a_split_etcd_is_named_whichever_member_a_machine_would_ask() {
    let stage = stage();
    play_with(
        &stage,
        |_| {},
        async |world, clock| {
            split(&world, &clock, &stage).await;
            tokio::time::sleep(Duration::from_mins(5)).await;
            assert_eq!(world.report().etcd_clusters_bootstrapped, 2);
            let refused = run(&stage, &world, &clock, "one").await;
            assert_eq!(fences(&refused), [Fence::EtcdSplit], "{refused:?}");
            // Each machine would ask another one every time.
            let asked = observer(&stage, &world, &clock);
            let complete = Condition::EtcdComplete { nodes: names() };
            for _ in 0..30 {
                let seen = asked.holds(&complete).await.expect_err("it is split");
                assert!(seen.contains("EtcdSplit"), "{seen}");
                pass(7).await;
            }
        },
    );
}
