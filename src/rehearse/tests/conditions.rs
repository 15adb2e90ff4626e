//! What a run waits for, against the world's own account: a condition holds when it is so, and not
//! a moment earlier.

use serde_json::{Value, json};

use super::*;
use crate::execute::observer::Observer;
use crate::plan::{Condition, ObjectSet};
use crate::rehearse::kubernetes::key_of;

fn says(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|it| it["type"] == kind && it["status"] == "True")
}

fn is_up(world: &World, name: &NodeName) -> bool {
    let report = world.report();
    let node = report.nodes.iter().find(|node| node.name == *name);
    node.is_some_and(|node| matches!(node.stage.as_str(), "booting" | "running"))
}

fn is_voter(world: &World, name: &NodeName) -> bool {
    world.fleet().with(|fleet| {
        let clusters = fleet.etcd().clusters().iter();
        let mut members = clusters.flat_map(|cluster| &cluster.members);
        members.any(|it| it.node == *name && it.running && !it.learner)
    })
}

fn is_healthy_voter(world: &World, name: &NodeName) -> bool {
    is_voter(world, name) && world.fleet().with(|fleet| fleet.is_etcd_healthy(name))
}

fn gitops(world: &World, kind: &str) -> bool {
    let mut all = world.report().gitops;
    all.retain(|object| kind.is_empty() || object.kind == kind);
    !all.is_empty() && all.iter().all(|object| object.ready)
}

fn job_is_done(world: &World, part: &str) -> bool {
    some(world, "batch", "jobs", |job| {
        key_of(job).1.contains(part) && says(job, "Complete")
    })
}

/// What the world says of a condition.
fn is_so(world: &World, condition: &Condition) -> bool {
    let nodes = || names().into_iter();
    match condition {
        Condition::TookConfiguration { node } => world.fleet().with(|fleet| {
            fleet
                .machine(node)
                .is_some_and(|it| !it.is_in_maintenance())
        }),
        Condition::HasIdentity { node } => is_up(world, node),
        Condition::EtcdHealthy { node } => is_healthy_voter(world, node),
        Condition::EtcdComplete { .. } => nodes().all(|node| is_healthy_voter(world, &node)),
        Condition::ApiReady { node } => world.fleet().with(|fleet| fleet.is_api_server_up(node)),
        Condition::VipAnswers { .. } => world.vip_holder().is_some(),
        Condition::NodesRegistered { .. } => {
            nodes().all(|name| some(world, "", "nodes", |node| key_of(node).1 == name.as_str()))
        }
        Condition::NodesReady { .. } => nodes().all(|name| {
            some(world, "", "nodes", |node| {
                key_of(node).1 == name.as_str() && says(node, "Ready")
            })
        }),
        Condition::Ready {
            objects: ObjectSet::Operator,
        } => {
            let defined = some(
                world,
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                |it| key_of(it).1.starts_with("fluxinstances.") && says(it, "Established"),
            );
            let runs = some(world, "apps", "deployments", |it| {
                key_of(it).1 == "flux-operator" && says(it, "Available")
            });
            defined && runs
        }
        Condition::Ready {
            objects: ObjectSet::Instance,
        } => gitops(world, "FluxInstance"),
        Condition::Ready { .. } => job_is_done(world, ""),
        Condition::Reconciled { .. } => gitops(world, "Kustomization") && gitops(world, ""),
        Condition::Verified => {
            let voters = nodes().all(|node| is_healthy_voter(world, &node));
            let pods = some(world, "", "pods", |_| true)
                && !some(world, "", "pods", |pod| {
                    // A Job tries again by itself.
                    let of_job = pod["metadata"]["ownerReferences"][0]["kind"] == "Job";
                    !of_job && !says(pod, "Ready")
                });
            voters && pods && world.report().nodes.iter().all(|node| node.ready)
        }
        other => unreachable!("{other} is not asked here"),
    }
}

fn conditions() -> Vec<Condition> {
    let each = names().into_iter().flat_map(|node| {
        [
            Condition::TookConfiguration { node: node.clone() },
            Condition::HasIdentity { node: node.clone() },
            Condition::EtcdHealthy { node: node.clone() },
            Condition::ApiReady { node },
        ]
    });
    let ready = [ObjectSet::Charts, ObjectSet::Operator, ObjectSet::Instance];
    let whole = [
        Condition::EtcdComplete { nodes: names() },
        Condition::VipAnswers {
            address: [192, 168, 1, 100].into(),
        },
        Condition::NodesRegistered { nodes: names() },
        Condition::NodesReady { nodes: names() },
        Condition::Reconciled { revision: None },
        Condition::Verified,
    ];
    let ready = ready.map(|objects| Condition::Ready { objects });
    each.chain(ready).chain(whole).collect()
}

/// Looks at conditions again and again until each has held; nobody may be ahead of the world.
async fn watch(world: &World, observer: &Observer, mut left: Vec<Condition>) {
    let mut rounds = 0;
    while !left.is_empty() {
        pass(2).await;
        rounds += 1;
        assert!(rounds < 1000, "never held: {left:?}");
        observer.has_kubeconfig(&name("talos-1")).await;
        let mut waiting = Vec::new();
        for condition in left {
            match observer.holds(&condition).await {
                Ok(()) => assert!(is_so(world, &condition), "{condition} holds too early"),
                Err(_) => waiting.push(condition),
            }
        }
        left = waiting;
    }
}

#[test]
fn no_condition_holds_before_the_world_says_so() {
    let stage = stage();
    play(
        async |world, clock| {
            let observer = observer(&stage, &world, &clock);
            let (ended, ()) = futures::join!(
                run(&stage, &world, &clock, "one"),
                watch(&world, &observer, conditions()),
            );
            ended.expect("it comes up");
            // A machine that restarts is not well again before it is.
            let restarted = name("talos-2");
            world.fleet().with(|fleet| fleet.power_off(&restarted));
            pass(120).await;
            for condition in [
                Condition::HasIdentity {
                    node: restarted.clone(),
                },
                Condition::EtcdHealthy {
                    node: restarted.clone(),
                },
                Condition::EtcdComplete { nodes: names() },
                Condition::NodesReady { nodes: names() },
                Condition::Verified,
            ] {
                let held = observer.holds(&condition).await;
                assert!(held.is_err(), "{condition} with a machine that is off");
            }
            world.fleet().with(|fleet| fleet.power_on(&restarted));
            let again = vec![
                Condition::HasIdentity {
                    node: restarted.clone(),
                },
                Condition::EtcdHealthy { node: restarted },
                Condition::EtcdComplete { nodes: names() },
                Condition::Verified,
            ];
            watch(&world, &observer, again).await;
        },
        &stage,
    );
}

#[test]
fn conditions_name_the_machine_the_commit_and_the_configuration() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let asked = informed(&stage, &world, &clock).await;
            let commit = world.remote().commit.clone();
            let revision = |revision: &str| Condition::Reconciled {
                revision: Some(revision.to_owned()),
            };
            asked.holds(&revision(&commit)).await.expect("this commit");
            let other = asked.holds(&revision("0123456789abcdef")).await;
            assert!(other.expect_err("another commit").contains(&commit));

            let turned = with_changed_places(1, 2);
            let mistaken = observer(&turned, &world, &clock);
            for condition in [
                Condition::HasIdentity {
                    node: name("talos-2"),
                },
                Condition::Configured {
                    node: name("talos-2"),
                },
            ] {
                let held = mistaken.holds(&condition).await;
                assert!(held.is_err(), "{condition} although it is another machine");
            }
        },
        &stage,
    );
}

#[test]
fn the_last_look_misses_nothing() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let observer = informed(&stage, &world, &clock).await;
            let verified = async || observer.holds(&Condition::Verified).await;
            verified().await.expect("all is well");
            let not_ready = json!({"conditions": [{"type": "Ready", "status": "False"}]});
            for (group, plural) in [("", "pods"), ("", "nodes")] {
                let before = change(&world, group, plural, &not_ready);
                verified().await.expect_err(plural);
                change(&world, group, plural, &before);
                verified().await.expect(plural);
            }
            let second = name("talos-2");
            let ready = |ready| {
                world
                    .fleet()
                    .with(|fleet| fleet.set_node_ready(&second, ready));
            };
            ready(false);
            verified().await.expect_err("a machine that is not ready");
            ready(true);
            verified().await.expect("it is again");

            let secret = |value: &str| {
                world.with_sides(|api, _| {
                    let secret = json!({
                        "apiVersion": "v1", "kind": "Secret",
                        "metadata": {"name": "left", "namespace": "default"},
                        "data": {"token": value},
                    });
                    api.apply(&secret).expect("it is applied");
                });
            };
            // `ENC[` in base64, and `plain`.
            secret("RU5DWw==");
            verified().await.expect_err("ciphertext");
            secret("cGxhaW4=");
            verified().await.expect("nothing is encrypted");

            world.fleet().with(|fleet| fleet.forget_member(&second));
            let complete = Condition::EtcdComplete { nodes: names() };
            let seen = observer.holds(&complete).await.expect_err("one is missing");
            assert!(seen.contains("knows the members"), "{seen}");
            verified().await.expect_err("a voter is missing");
        },
        &stage,
    );
}

#[test]
fn the_operator_is_not_ready_while_its_kinds_are_not_served() {
    let stage = stage();
    play(
        async |world, clock| {
            let ready = Condition::Ready {
                objects: ObjectSet::Operator,
            };
            let takes_away = async {
                while !is_so(&world, &ready) {
                    pass(1).await;
                }
                let observer = informed(&stage, &world, &clock).await;
                observer.holds(&ready).await.expect("all is there");
                world.with_sides(|api, _| {
                    let kind = api.read(|store| {
                        let mut kinds =
                            store.list("apiextensions.k8s.io", "customresourcedefinitions");
                        kinds
                            .find(|it| key_of(it).1.starts_with("fluxinstances."))
                            .cloned()
                    });
                    let kind = kind.expect("it is so");
                    let resource = api.read(|store| store.resource_of(&kind));
                    api.delete(&resource.expect("its kind"), &key_of(&kind));
                });
                let seen = observer.holds(&ready).await.expect_err("a kind is gone");
                assert!(seen.contains("fluxinstances."), "{seen}");
            };
            tokio::select! {
                ended = run(&stage, &world, &clock, "one") => panic!("too soon: {ended:?}"),
                () = takes_away => {}
            }
        },
        &stage,
    );
}
