//! Several runs in one world: late machines, two operators, second runs.

use super::*;

#[test]
fn a_worker_that_was_off_is_configured_as_soon_as_it_appears() {
    let cluster = WITH_WORKERS.cluster();
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
    let cluster = WITH_WORKERS.cluster();
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

#[test]
fn a_second_run_from_a_computer_without_a_journal_changes_nothing() {
    let stage = stage();
    play(
        async |world, clock| {
            run(&stage, &world, &clock, "first")
                .await
                .expect("it comes up");
            let before = writes(&world);
            let second = run(&stage, &world, &clock, "second").await;
            let second = second.expect("nothing is left to do");
            let waits = ["etcd-members", "vip", "nodes-ready", "reconciled", "verify"];
            let skipped = |step: &&str| second.skipped.iter().any(|it| it.as_str() == *step);
            assert!(waits.iter().all(skipped), "{:?}", second.skipped);
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
fn a_lease_that_is_taken_by_force_ends_the_run_that_held_it() {
    let stage = stage();
    play(
        async |world, clock| {
            let by_force = async {
                while world.report().gitops.is_empty() {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
                let mut inputs = inputs(&stage, &world, &clock, "second");
                inputs.consents.break_lock = true;
                let began = clock.now();
                (crate::execute::bootstrap(inputs).await, began)
            };
            let robbed = async {
                let ended = run(&stage, &world, &clock, "first").await;
                (ended, clock.now())
            };
            let ((first, ended), (second, began)) = futures::join!(robbed, by_force);
            assert_eq!(fences(&first), [Fence::OperatorBusy], "{first:?}");
            second.expect("it goes on in the other's place");
            let noticed = ended.duration_since(began).as_secs();
            assert!(noticed < 30, "it went on for {noticed} s");
            world.with_sides(|api, _| {
                let by_second = api
                    .mutations()
                    .into_iter()
                    .filter(|it| &*it.from == "second");
                let mut changes = by_second.filter(|it| !it.method.contains("/leases"));
                assert!(changes.all(|it| it.at >= ended), "two worked at once");
            });
            assert_whole(&world.report(), "a lease taken by force");
            assert_eq!(world.report().violations, []);
        },
        &stage,
    );
}

#[test]
fn a_lease_is_only_taken_from_somebody_who_was_seen_not_to_renew_it() {
    let stage = stage();
    play_in_cluster(
        async |world, clock| {
            let at = async |computer: &str| {
                let somebody = Observer::new(inputs(&stage, &world, &clock, computer));
                assert!(somebody.has_kubeconfig(&name("talos-1")).await);
                somebody
            };
            let (first, second) = (at("first").await, at("second").await);
            let take = crate::plan::Action::TakeLease;
            // Two writes of its own that cross are nobody else's.
            let (one, other) = futures::join!(first.act(&take), first.act(&take));
            let crossed = [one, other].into_iter().find_map(Result::err);
            let crossed = crossed.expect("only one is written");
            assert!(crossed.contains("Passing"), "{crossed}");
            let renews = async {
                for _ in 0..6 {
                    pass(10).await;
                    first.act(&take).await.expect("it is its own");
                }
            };
            let (seen, ()) = futures::join!(second.act(&take), renews);
            let seen = seen.expect_err("it is renewed");
            assert!(seen.contains("OperatorBusy"), "{seen}");

            let began = clock.now();
            second.act(&take).await.expect("nobody renews it any more");
            let waited = clock.now().duration_since(began).as_secs();
            assert!(waited >= 30, "it was taken after {waited} s");
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
            // Its old member is still listed: etcd takes it back only after somebody removed that.
            assert!(matches!(again, Err(RunError::Step { .. })), "{again:?}");
            world.fleet().with(|fleet| fleet.forget_member(&name));
            run(&stage, &world, &clock, "first")
                .await
                .expect("it joins again");
            let report = world.report();
            assert_eq!(report.etcd_clusters_bootstrapped, 1);
            assert_eq!(report.etcd_clusters[0].voters.len(), 3);
            assert!(report.nodes.iter().all(|node| node.ready));
        },
        &stage,
    );
}
