//! How machines become a cluster, and how they do not.

use std::collections::BTreeSet;

use talos_api::EtcdMember;

use super::*;
use crate::plan::EtcdSigns;

#[tokio::test(start_paused = true)]
async fn three_control_planes_and_a_worker_become_one_cluster() {
    let world = world(1);
    let [first, second, third] = world.configured().await;
    assert_eq!(stage(&first).await, (Stage::Booting, false));
    first.bootstrap().await.expect("accepted");
    let mut seen: Vec<Vec<(String, bool)>> = Vec::new();
    until(async || {
        let members = world.members();
        if seen.last() != Some(&members) {
            seen.push(members.clone());
        }
        members.len() == 3 && members.iter().all(|(_, learner)| !learner)
    })
    .await;
    let learners = |members: &Vec<(String, bool)>| members.iter().filter(|m| m.1).count();
    assert!(
        seen.iter().all(|members| learners(members) <= 1),
        "{seen:?}"
    );
    for client in [&first, &second, &third] {
        let members = client.etcd_members().await.expect("answers");
        assert_eq!(members.len(), 3);
        until(async || stage(client).await.0 == Stage::Running).await;
        assert_eq!(
            stage(client).await,
            (Stage::Running, false),
            "its node is not ready"
        );
    }
    until(async || {
        world
            .fleet
            .with(|fleet| fleet.is_api_server_up(&name("cp-3")))
    })
    .await;
    for node in ["cp-1", "cp-2", "cp-3"] {
        world
            .fleet
            .with(|fleet| fleet.set_node_ready(&name(node), true));
    }
    assert_eq!(stage(&third).await, (Stage::Running, true));
    let worker = world.admin(4).await;
    assert_eq!(worker.list::<Member>().await.expect("asked").len(), 4);
    world.fleet.with(|fleet| {
        assert_eq!(fleet.etcd().clusters().len(), 1);
        assert_eq!(fleet.wipes().len(), 4);
        assert_eq!(fleet.mutations().len(), 5);
        let bootstrap = fleet.mutations().last().expect("a mutation");
        assert_eq!(
            (bootstrap.method, bootstrap.caller.as_str()),
            ("Bootstrap", "O=os:admin")
        );
        assert_eq!(fleet.mutations()[0].caller, "maintenance");
    });
}

#[tokio::test(start_paused = true)]
async fn before_a_bootstrap_the_member_list_never_comes() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    let error = first.with_deadline(HOUR).etcd_members().await;
    assert!(
        matches!(&error, Err(Error::Deadline { after, .. }) if *after == HOUR),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_repeated_at_once_makes_one_cluster_and_later_is_refused() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    let (one, two) = tokio::join!(first.bootstrap(), first.bootstrap());
    one.expect("accepted");
    two.expect("accepted");
    until(async || etcd_state(&first).await == "Running").await;
    let again = first.bootstrap().await.expect_err("refused");
    assert_eq!(again.code(), Some(Code::AlreadyExists));
    assert!(
        again
            .to_string()
            .contains("etcd data directory is not empty")
    );
    assert_eq!(world.fleet.with(|fleet| fleet.etcd().clusters().len()), 1);
}

#[tokio::test(start_paused = true)]
async fn two_nodes_bootstrapped_split_the_cluster_and_the_world_tells() {
    let world = world(1);
    let [first, second, _] = world.configured().await;
    let (one, two) = tokio::join!(first.bootstrap(), second.bootstrap());
    one.expect("nothing prevents it");
    two.expect("nothing prevents it");
    tokio::time::sleep(HOUR).await;
    let clusters = world.fleet.with(|fleet| fleet.etcd().clusters().to_vec());
    let starts: Vec<_> = clusters
        .iter()
        .map(|c| c.bootstrapped_on.as_str())
        .collect();
    assert_eq!(
        starts,
        ["cp-2", "cp-1"],
        "in the order in which data was written"
    );
    let names = |members: Result<Vec<EtcdMember>, Error>| {
        let members = members.expect("answers").into_iter();
        members.map(|member| member.hostname).collect::<Vec<_>>()
    };
    let (one, two) = tokio::join!(first.etcd_members(), second.etcd_members());
    let (one, two) = (names(one), names(two));
    assert!(one.contains(&"cp-1".to_owned()), "{one:?}");
    assert!(two.contains(&"cp-2".to_owned()), "{two:?}");
    // Whom a machine asks that asks anybody is chance.
    let mut found = BTreeSet::new();
    for _ in 0..20 {
        found.insert(names(first.etcd_members_found().await));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(found, BTreeSet::from([one, two]));
}

#[tokio::test(start_paused = true)]
async fn an_etcd_elsewhere_that_answers_late_is_a_sign_of_one() {
    let bootstrapped = async || {
        let world = world(1);
        let [first, second, _] = world.configured().await;
        until(async || etcd_state(&second).await == "Preparing").await;
        first.bootstrap().await.expect("accepted");
        (world, first, second)
    };
    let (world, first, _) = bootstrapped().await;
    let began = tokio::time::Instant::now();
    until(async || etcd_state(&first).await == "Running").await;
    let took = began.elapsed();
    drop(world);

    let (_world, _, second) = bootstrapped().await;
    // A little less than what is waited for it.
    tokio::time::sleep(took.saturating_sub(Duration::from_millis(2500))).await;
    let signs = crate::observe::signs(&second).await.expect("it answers");
    let EtcdSigns::Alive {
        healthy: false,
        members,
    } = &signs
    else {
        panic!("{signs:?} after {took:?}");
    };
    assert!(members.contains(&"cp-1".to_owned()), "{members:?}");
}

#[tokio::test(start_paused = true)]
async fn workers_and_early_callers_cannot_bootstrap() {
    let world = world(1);
    let maintenance = world.in_maintenance(1).await;
    let error = maintenance.bootstrap().await.expect_err("refused");
    assert_eq!(error.code(), Some(Code::PermissionDenied));
    world.configured().await;
    let worker = world.admin(4).await;
    until(async || match worker.bootstrap().await {
        Err(error) if error.code() == Some(Code::FailedPrecondition) => false,
        Err(error) => {
            assert_eq!(error.code(), Some(Code::Unimplemented));
            assert!(
                error
                    .to_string()
                    .contains("bootstrap is only available on control plane")
            );
            true
        }
        Ok(()) => panic!("a worker has no etcd"),
    })
    .await;
}

/// What happens to a world from maintenance to a full cluster, with every moment.
async fn story(seed: u64) -> String {
    let world = world(seed);
    let [first, ..] = world.configured().await;
    first.bootstrap().await.expect("accepted");
    until(async || world.members().iter().filter(|member| !member.1).count() == 3).await;
    world.fleet.with(|fleet| {
        format!(
            "{} {:?} {:?} {:?}",
            first.peer().fingerprint,
            fleet.mutations(),
            fleet.wipes(),
            fleet.etcd()
        )
    })
}

#[test]
fn equal_seeds_tell_equal_stories() {
    let tell = |seed| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime")
            .block_on(story(seed))
    };
    let told = tell(7);
    for _ in 0..5 {
        assert_eq!(tell(7), told);
    }
    assert_ne!(tell(8), told);
}

#[test]
fn a_thousand_machines_boot_within_moments() {
    let start: Timestamp = START.parse().expect("a time");
    let bundle = SecretsBundle::throwaway();
    let spec = |number: u32| MachineSpec {
        name: name(&format!("m-{number:04}")),
        address: std::net::Ipv4Addr::from(0x0a00_0000 + number).into(),
        ..machine("m", 1)
    };
    let mut fleet = Fleet::new((0..1000).map(spec).collect(), 1, start);
    for number in 0..1000 {
        let role = if number < 3 { "cp" } else { "worker" };
        let config = smallest_config(&bundle, role, 1, &json!({}));
        let node = name(&format!("m-{number:04}"));
        fleet.preinstall(&node, &config).expect("accepted");
    }
    fleet.advance(start + HOUR);
    let up = fleet
        .machines()
        .iter()
        .filter(|machine| machine.is_kubelet_up());
    assert_eq!(up.count(), 1000);
}
