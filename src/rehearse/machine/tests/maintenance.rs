//! A machine before its first configuration, and how it gets one.

use std::collections::BTreeSet;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_machine_in_maintenance_tells_what_it_is_made_of() {
    let world = world(1);
    let client = world.in_maintenance(1).await;
    assert!(client.peer().is_maintenance());
    assert_eq!(client.version().await.expect("asked").tag, "v1.13.9");
    assert_eq!(stage(&client).await, (Stage::Maintenance, true));
    let version: OsVersion = client.singleton().await.expect("asked").expect("exists");
    assert_eq!(version.version, "v1.13.9");
    let disks = client.list::<Disk>().await.expect("asked");
    assert_eq!(disks[0].spec.serial, "SERIAL-1");
    assert_eq!(disks[0].spec.pretty_size, "536 GB");
    let links = client.list::<LinkStatus>().await.expect("asked");
    let card = links.iter().find(|link| link.id == "eth0").expect("a card");
    assert_eq!(card.spec.hardware_addr, "52:54:00:00:00:01");
    assert!(card.spec.link_state);
    let addresses = client.list::<AddressStatus>().await.expect("asked");
    assert_eq!(addresses[0].spec.address, "10.0.0.1/24");
    let system: SystemInformation = client.singleton().await.expect("asked").expect("exists");
    assert_eq!(system.uuid, "00000000-0000-4000-8000-000000000001");
    assert_eq!(client.singleton::<SystemDisk>().await.expect("asked"), None);
}

#[tokio::test(start_paused = true)]
async fn a_pinned_fingerprint_must_match() {
    let world = world(1);
    let seen = world.in_maintenance(1).await.peer().fingerprint;
    let other = world.in_maintenance(2).await.peer().fingerprint;
    assert_ne!(seen, other);
    let pinned = |fingerprint| Identity::Maintenance {
        fingerprints: vec![fingerprint],
    };
    world.connect(1, &pinned(seen)).await.expect("is the one");
    let error = world
        .connect(1, &pinned(other))
        .await
        .expect_err("is another");
    assert!(
        matches!(&error, Error::Identity { problem: IdentityProblem::NotPinned(found), .. } if *found == seen),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_disk_held_is_shown_before_and_named_after() {
    let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
    let mut spec = machine("cp-1", 1);
    spec.disks[0].holds = vec![Holding {
        kind: "ntfs".to_owned(),
        label: "Photos".to_owned(),
        size: 1_500_000_000,
    }];
    let fleet = SharedFleet::new(Fleet::new(vec![spec], 1, clock.now()), Arc::clone(&clock));
    let driven = fleet.clone();
    tokio::spawn(async move { driven.drive(1).await });
    let world = World {
        fleet,
        clock,
        bundle: SecretsBundle::throwaway(),
    };
    let volumes = world
        .in_maintenance(1)
        .await
        .list::<DiscoveredVolume>()
        .await;
    let volumes = volumes.expect("asked");
    let shown: Vec<_> = volumes
        .iter()
        .map(|volume| {
            format!(
                "{} {} {}",
                volume.id, volume.spec.name, volume.spec.pretty_size
            )
        })
        .collect();
    assert_eq!(shown, ["nvme0n1 gpt 536 GB", "nvme0n1p1 ntfs 1.5 GB"]);
    world.apply("cp-1", 1).await;
    world.admin(1).await;
    let wipes = world.fleet.with(|fleet| fleet.wipes().to_vec());
    assert_eq!(wipes[0].disk, "SERIAL-1");
    assert_eq!(wipes[0].held, ["ntfs `Photos`"]);
}

#[tokio::test(start_paused = true)]
async fn configurations_are_judged_in_talos_words() {
    let world = world(1);
    let client = world.in_maintenance(1).await;
    let reject = async |changes: serde_json::Value| {
        let config = world.config_with("cp-1", 1, &changes);
        let refused = client
            .apply_configuration(&config, ApplyMode::Auto, DryRun::No)
            .await
            .expect_err("refused");
        assert_eq!(refused.code(), Some(Code::InvalidArgument));
        let Error::Refused { message, .. } = refused else {
            panic!("a refusal")
        };
        message
    };
    assert_eq!(
        reject(json!({"/machine/nodeLables": {"a": "b"}})).await,
        "error decoding document /v1alpha1/ (line 1): unknown keys found during decoding:\n\
         machine:\n    nodeLables:\n        a: b\n"
    );
    assert_eq!(
        reject(json!({"/machine/install": {"diskSelector": {"serial": "OTHER"}}})).await,
        "1 error occurred:\n\t* no disks matched the expression: glob(\"OTHER\", disk.serial)\n\n"
    );
    let left = json!({"/machine/token": {"secretRef": "a.sops.yaml#trustdinfo.token"}});
    assert_eq!(
        reject(left).await,
        "error decoding document /v1alpha1/ (line 1): \
         cannot unmarshal !!map into string at machine.token"
    );
    let incomplete = json!({"/machine/ca/key": "", "/machine/token": ""});
    assert_eq!(
        reject(incomplete).await,
        "2 errors occurred:\n\t* trustd token is required (.machine.token)\n\
         \t* issuing CA key is required for controlplane nodes (.machine.ca.key)\n\n"
    );
    world.fleet.with(|fleet| {
        assert!(fleet.mutations().is_empty());
        assert!(fleet.wipes().is_empty());
    });
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_and_changes_nothing() {
    let world = world(1);
    world.configured().await;
    let client = world.admin(1).await;
    let same = world.config("cp-1", 1);
    let told = client
        .apply_configuration(&same, ApplyMode::Auto, DryRun::Yes)
        .await
        .expect("judged");
    assert!(told.details.ends_with("No changes."), "{}", told.details);
    let other = world.config_with("cp-1", 1, &json!({"/machine/env": {"A": "b"}}));
    let told = client
        .apply_configuration(&other, ApplyMode::Auto, DryRun::Yes)
        .await
        .expect("judged");
    assert_eq!(told.mode, Some(ApplyMode::Reboot));
    assert!(
        told.details.contains("+  env:\n+    A: b\n"),
        "{}",
        told.details
    );
    let applied = world.fleet.with(|fleet| fleet.mutations().len());
    assert_eq!(applied, 4);
}

#[tokio::test(start_paused = true)]
async fn some_machines_show_their_new_name_before_they_are_anybody_s() {
    let mut shown = BTreeSet::new();
    for seed in 0..8 {
        let world = world(seed);
        world.apply("cp-1", 1).await;
        let admin = world.role(TalosRole::Admin);
        let error = world.connect(1, &admin).await.expect_err("nobody's yet");
        let peer = error.peer().expect("a certificate");
        shown.insert((peer.is_maintenance(), peer.subject.clone()));
    }
    let expected = [
        (false, "CN=cp-1"),
        (true, "CN=maintenance-service.talos.dev"),
    ];
    let expected = expected.map(|(is, subject)| (is, subject.to_owned()));
    assert_eq!(shown, BTreeSet::from(expected));
}
