//! What a run makes sure of right before it acts, asked directly: in most stories the plan has seen
//! to it already, and only a race comes this far.

use serde_json::json;

use super::witness::Hand;
use super::*;
use crate::execute::observer::Observer;
use crate::plan::{Action, Condition};

fn no_etcd() -> Condition {
    Condition::NoEtcd { nodes: names() }
}

#[test]
fn etcd_is_only_made_where_everybody_is_configured_and_shows_no_sign() {
    let stage = stage();
    play(
        async |world, clock| {
            let asked = observer(&stage, &world, &clock);
            for _ in 0..3 {
                let seen = asked.holds(&no_etcd()).await.expect_err("bare machines");
                assert!(seen.contains("maintenance mode"), "{seen}");
            }
            let hand = Hand::at("hand", &stage, &world, &clock);
            for node in names() {
                hand.install(node.as_str()).await;
            }
            pass(10).await;
            asked.holds(&no_etcd()).await.expect_err("they install");
            pass(300).await;
            let asked = observer(&stage, &world, &clock);
            asked.holds(&no_etcd()).await.expect("no sign of etcd");

            let third = name("talos-3");
            world.fleet().with(|fleet| fleet.power_off(&third));
            pass(1).await;
            for _ in 0..3 {
                let seen = asked.holds(&no_etcd()).await.expect_err("one is silent");
                assert!(seen.contains("does not answer"), "{seen}");
            }
            world.fleet().with(|fleet| fleet.power_on(&third));
            pass(300).await;

            // Somebody splits the cluster by hand.
            for node in ["talos-1", "talos-2"] {
                hand.node(node)
                    .await
                    .bootstrap()
                    .await
                    .expect("Talos takes it");
            }
            pass(120).await;
            for condition in [no_etcd(), Condition::EtcdComplete { nodes: names() }] {
                let seen = asked.holds(&condition).await.expect_err("it is split");
                assert!(seen.contains("EtcdSplit"), "{seen}");
            }
        },
        &stage,
    );
}

#[test]
fn an_etcd_that_somebody_makes_meanwhile_is_joined() {
    let stage = stage();
    play(
        async |world, clock| {
            let hand = Hand::at("hand", &stage, &world, &clock);
            let faster = async {
                while !hand.try_bootstrap("talos-2").await {
                    pass(1).await;
                }
                let exists = |fleet: &mut machine::Fleet| !fleet.etcd().clusters().is_empty();
                while !world.fleet().with(exists) {
                    pass(1).await;
                }
                // From now on nobody may make one, joined or not.
                let asked = observer(&stage, &world, &clock);
                for _ in 0..20 {
                    let seen = asked.holds(&no_etcd()).await.expect_err("it exists");
                    assert!(seen.contains("etcd exists already"), "{seen}");
                    pass(1).await;
                }
                let again = Action::BootstrapEtcd {
                    node: name("talos-2"),
                };
                let seen = asked.act(&again).await.expect_err("it is there");
                assert!(seen.contains("Overtaken"), "{seen}");
            };
            let (ended, ()) = futures::join!(run(&stage, &world, &clock, "one"), faster);
            ended.expect("it comes up all the same");
            let report = world.report();
            assert_eq!(report.violations, []);
            assert_eq!(report.etcd_clusters_bootstrapped, 1);
            assert_eq!(report.etcd_clusters[0].bootstrapped_on.as_str(), "talos-2");
            assert_eq!(report.etcd_clusters[0].voters.len(), 3);
        },
        &stage,
    );
}

#[test]
fn only_the_machine_that_was_looked_at_is_installed() {
    let stage = stage();
    play(
        async |world, clock| {
            let asked = observer(&stage, &world, &clock);
            let hand = Hand::at("hand", &stage, &world, &clock);
            let node = name("talos-2");
            let shown = |of: talos_api::Client| of.peer().fingerprint.to_string();
            let own = shown(hand.in_maintenance("talos-2").await);
            let other = shown(hand.in_maintenance("talos-3").await);
            let waits = |fingerprint: &str| Condition::InMaintenance {
                node: node.clone(),
                fingerprint: fingerprint.to_owned(),
            };
            asked.holds(&waits(&own)).await.expect("it is the one");
            let seen = asked.holds(&waits(&other)).await.expect_err("another");
            assert!(seen.contains("it has restarted"), "{seen}");
            let install = |fingerprint: &str| Action::InstallNode {
                node: node.clone(),
                fingerprint: fingerprint.to_owned(),
                disk: None,
            };
            asked.act(&install(&other)).await.expect_err("another");
            assert_eq!(writes(&world), 0);
            asked.act(&install(&own)).await.expect("it is the one");
            assert_eq!(writes(&world), 1);
        },
        &stage,
    );
}

#[test]
fn a_stranger_is_refused_whenever_it_shows_up() {
    let stage = stage();
    play(
        async |world, clock| {
            let stranger = name("talos-2");
            let config = super::fences::of_another_cluster(&stranger, clock.now());
            world.fleet().with(|fleet| {
                let taken = fleet.preinstall(&stranger, config.as_bytes());
                taken.expect("Talos takes it");
            });
            pass(300).await;
            let asked = observer(&stage, &world, &clock);
            let identity = Condition::HasIdentity { node: stranger };
            let seen = asked.holds(&identity).await.expect_err("it is a stranger");
            assert!(seen.contains("ForeignIdentity"), "{seen}");
        },
        &stage,
    );
}

#[test]
fn a_voter_is_only_spared_while_the_others_are_well_and_the_lease_is_held() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let asked = informed(&stage, &world, &clock).await;
            let spared = |restarts| Condition::Spared {
                node: name("talos-1"),
                voters: names(),
                restarts,
            };
            let seen = asked.holds(&spared(false)).await.expect_err("no lease");
            assert!(seen.contains("lease"), "{seen}");
            asked.act(&Action::TakeLease).await.expect("it is free");
            asked.holds(&spared(true)).await.expect("all are well");

            // Two who have changed places are not who they are taken for.
            let mistaken = informed(&with_changed_places(0, 1), &world, &clock).await;
            mistaken.act(&Action::TakeLease).await.expect("it is ours");
            let seen = mistaken.holds(&spared(false)).await.expect_err("another");
            assert!(seen.contains("it calls itself"), "{seen}");

            let hand = Hand::at("one", &stage, &world, &clock);
            hand.reboot("talos-3").await;
            // While it is away, and while it answers again and its etcd does not yet.
            let mut spells = 0;
            while !is_whole(&world) {
                if let Err(seen) = asked.holds(&spared(true)).await {
                    assert!(seen.contains("voters are healthy"), "{seen}");
                    spells += 1;
                } else {
                    assert!(is_whole(&world), "spared although a voter is away");
                }
                asked.holds(&spared(false)).await.expect("nothing restarts");
                pass(1).await;
            }
            assert!(spells > 10, "{spells}");
            asked.act(&Action::TakeLease).await.expect("it is ours");
            asked
                .holds(&spared(true))
                .await
                .expect("all are well again");

            // Somebody else takes the lease by force, and waits until that is noticed.
            let mut force = inputs(&stage, &world, &clock, "two");
            force.consents.break_lock = true;
            let two = Observer::new(force);
            assert!(two.has_kubeconfig(&name("talos-1")).await);
            let began = clock.now();
            two.act(&Action::TakeLease).await.expect("it is taken");
            let waited = clock.now().duration_since(began).as_secs();
            assert!(waited >= 10, "{waited}");
            for condition in [spared(false), Condition::LeaseHeld] {
                let seen = asked.holds(&condition).await.expect_err("it is another's");
                assert!(seen.contains("OperatorBusy"), "{seen}");
            }
        },
        &stage,
    );
}

/// Tells whether every voter runs and is healthy.
fn is_whole(world: &World) -> bool {
    world.fleet().with(|fleet| {
        let mut members = fleet.etcd().clusters()[0].members.iter();
        members.all(|it| it.running && !it.learner && fleet.is_etcd_healthy(&it.node))
    })
}

#[test]
fn a_changed_machine_is_settled_when_it_and_all_around_it_are_well() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let asked = informed(&stage, &world, &clock).await;
            let (first, second) = (name("talos-1"), name("talos-2"));
            let settled = Condition::Settled {
                node: first.clone(),
                voters: names(),
            };
            asked.holds(&settled).await.expect("all is well");
            let after_change = informed(&stage, &world, &clock).await;
            let seen = after_change.holds_after_acting(&settled).await;
            let seen = seen.expect_err("one good look is not enough");
            assert!(seen.contains("looking once more"), "{seen}");
            let again = after_change.holds_after_acting(&settled).await;
            again.expect("two are");

            let ready = |ready| {
                world
                    .fleet()
                    .with(|fleet| fleet.set_node_ready(&first, ready));
            };
            ready(false);
            asked
                .holds(&settled)
                .await
                .expect_err("the machine is not ready");
            ready(true);
            let not_ready = json!({"conditions": [{"type": "Ready", "status": "False"}]});
            let before = change(&world, "", "nodes", &not_ready);
            asked
                .holds(&settled)
                .await
                .expect_err("its node is not ready");
            change(&world, "", "nodes", &before);
            asked.holds(&settled).await.expect("all is well again");
            world.fleet().with(|fleet| fleet.forget_member(&second));
            asked.holds(&settled).await.expect_err("a voter is missing");
            world.fleet().with(|fleet| fleet.erase(&first));
            pass(300).await;
            let seen = asked.holds(&settled).await.expect_err("it lost everything");
            assert!(seen.contains("NotBootstrapped"), "{seen}");
        },
        &stage,
    );
}

#[test]
fn a_change_that_was_planned_to_be_live_restarts_nothing() {
    let stage = stage();
    let mut edited = reference_cluster();
    edited.patches.all.push(crate::spec::cluster::Patch {
        content: json!({"machine": {"env": {"GODEBUG": "gctrace=0"}}}),
        line: 1,
        ..Default::default()
    });
    let edited = stage_of(edited);
    play_in_cluster(
        async |world, clock| {
            let asked = observer(&edited, &world, &clock);
            let change = |reboots| Action::ApplyConfiguration {
                node: name("talos-2"),
                reboots,
                api: None,
            };
            let refused = asked.act(&change(false)).await;
            refused.expect_err("it takes a restart");
            pass(30).await;
            assert!(is_whole(&world));
            asked.act(&change(true)).await.expect("it restarts");
            pass(30).await;
            assert!(!is_whole(&world));
        },
        &stage,
    );
}

#[test]
fn the_chart_runner_is_gone_when_nothing_of_it_is_left() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let given_back = some(&world, "coordination.k8s.io", "leases", |lease| {
                lease["spec"]["holderIdentity"] == ""
            });
            assert!(given_back, "the next run need not wait for the lease");
            let asked = informed(&stage, &world, &clock).await;
            let gone = async || asked.holds(&Condition::ChartRunnerGone).await;
            gone().await.expect("it is removed at the end");
            let runner = inputs(&stage, &world, &clock, "one")
                .manifests
                .network
                .objects();
            let last = runner.last().expect("it has objects");
            world.with_sides(|api, _| {
                api.apply(last).expect("it is applied");
            });
            gone().await.expect_err("something is left");
        },
        &stage,
    );
}
