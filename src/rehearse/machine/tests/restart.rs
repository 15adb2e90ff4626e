//! Machines that go away: restarts, lost disks, and what connections see of it.

use super::*;
use crate::observe;
use crate::plan::EtcdSigns;

#[tokio::test(start_paused = true)]
async fn a_restart_breaks_connections_and_keeps_what_is_on_disk() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    let waiting = first.with_deadline(HOUR);
    let waiting = tokio::spawn(async move { waiting.etcd_members().await });
    first.reboot(RebootMode::Default).await.expect("accepted");
    assert_eq!(stage(&first).await.0, Stage::Rebooting);
    let broken = waiting.await.expect("ran").expect_err("broke");
    assert!(
        matches!(&broken, Error::Lost { .. }) && broken.is_outcome_unknown(),
        "{broken}"
    );
    let admin = world.role(TalosRole::Admin);
    let error = world.connect(1, &admin).await.expect_err("is away");
    assert!(
        matches!(
            &error,
            Error::Deadline {
                method: "connect",
                ..
            }
        ),
        "{error}"
    );
    until(async || {
        matches!(
            world.connect(1, &admin).await,
            Err(Error::Unreachable { .. })
        )
    })
    .await;
    let back = world.admin(1).await;
    assert_eq!(back.peer().subject, "CN=cp-1");
    until(async || etcd_state(&back).await == "Preparing").await;
    assert_eq!(
        world.fleet.with(|fleet| fleet.wipes().len()),
        4,
        "nothing is installed again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_starts_again_shows_its_data_before_etcd_runs() {
    const DATA: &str = "/var/lib/etcd";
    let world = world(1);
    let [first, ..] = world.configured().await;
    assert_eq!(first.directory(DATA).await.expect("lists"), [""; 0]);
    assert_eq!(observe::signs(&first).await, Ok(EtcdSigns::Waiting));
    first.bootstrap().await.expect("accepted");
    until(async || etcd_state(&first).await == "Running").await;
    // It takes longer than a look.
    let cp = world
        .fleet
        .with(|fleet| fleet.machines()[0].spec().name.clone());
    world
        .fleet
        .with(|fleet| fleet.afflict(&cp, |ails| ails.slow_disk = true));
    first.reboot(RebootMode::Default).await.expect("accepted");
    // The old connection still works for a moment.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let back = world.admin(1).await;
    let mut seen = Vec::new();
    until(async || {
        let state = etcd_state(&back).await;
        let signs = observe::signs(&back).await.expect("answers");
        // The look takes some seconds, in which it may have gone on.
        if etcd_state(&back).await == state {
            seen.push((state.clone(), signs));
        }
        state == "Running"
    })
    .await;
    assert!(
        seen.iter().any(|(state, _)| state == "Preparing"),
        "{seen:?}"
    );
    // While its disk is not there it cannot be told; from then on it holds data.
    for (state, signs) in seen {
        match state.as_str() {
            "Waiting" => assert_eq!(signs, EtcdSigns::Absent),
            _ => assert!(
                matches!(signs, EtcdSigns::Alive { .. }),
                "{state} {signs:?}"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_one_member_keeps_quorum_and_of_two_loses_it() {
    let world = world(1);
    let [first, second, _third] = world.configured().await;
    first.bootstrap().await.expect("accepted");
    until(async || world.members().iter().filter(|member| !member.1).count() == 3).await;
    let quorum = || {
        world
            .fleet
            .with(|fleet| fleet.etcd().clusters()[0].has_quorum())
    };
    first.reboot(RebootMode::Default).await.expect("accepted");
    assert!(quorum());
    second.reboot(RebootMode::Default).await.expect("accepted");
    assert!(!quorum());
    until(async || quorum()).await;
}

#[tokio::test(start_paused = true)]
async fn an_erased_machine_joins_again_only_after_its_old_member_is_removed() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    first.bootstrap().await.expect("accepted");
    until(async || world.members().iter().filter(|member| !member.1).count() == 3).await;
    world.fleet.with(|fleet| fleet.erase(&name("cp-3")));
    until(async || {
        world
            .fleet
            .with(|fleet| fleet.machine(&name("cp-3")).map(Machine::reach))
            == Some(Reach::Listening)
    })
    .await;
    world.apply("cp-3", 3).await;
    let third = world.admin(3).await;
    until(async || etcd_state(&third).await == "Preparing").await;
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    assert_eq!(etcd_state(&third).await, "Preparing");
    world.fleet.with(|fleet| fleet.forget_member(&name("cp-3")));
    until(async || etcd_state(&third).await == "Running").await;
    assert_eq!(world.fleet.with(|fleet| fleet.etcd().clusters().len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_never_returns_stays_silent() {
    let world = world(1);
    world.fleet.with(|fleet| fleet.never_return(&name("cp-2")));
    world.apply("cp-2", 2).await;
    tokio::time::sleep(HOUR).await;
    let reach = world
        .fleet
        .with(|fleet| fleet.machine(&name("cp-2")).map(Machine::reach));
    assert_eq!(reach, Some(Reach::Silent));
}

#[tokio::test(start_paused = true)]
async fn events_and_watches_tell_what_happens() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    let mut watch = first.watch::<MachineStatus>().await.expect("opened");
    let change = watch.next(HOUR).await.expect("open");
    assert!(matches!(change, Some(Change::Created(status)) if status.spec.stage == Stage::Booting));
    assert_eq!(
        watch.next(HOUR).await.expect("open"),
        Some(Change::Bootstrapped)
    );
    let mut events = first.events();
    first.bootstrap().await.expect("accepted");
    let is_running = |payload: &Payload| matches!(payload, Payload::Service { service, state, .. } if service == "etcd" && state == "RUNNING");
    until(async || match events.next(HOUR).await.expect("open") {
        Some(event) => is_running(&event.payload),
        None => panic!("etcd runs within an hour"),
    })
    .await;
    until(async || match watch.next(HOUR).await.expect("open") {
        Some(Change::Updated(status)) => status.spec.stage == Stage::Running,
        _ => false,
    })
    .await;
}
