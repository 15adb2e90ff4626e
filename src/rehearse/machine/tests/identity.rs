//! Who a machine is after its installation, and whom it lets do what.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_identity_changes_with_the_installation() {
    let world = world(1);
    let admin = world.role(TalosRole::Admin);
    let error = world.connect(1, &admin).await.expect_err("no identity yet");
    assert!(
        error.peer().is_some_and(talos_api::Peer::is_maintenance),
        "{error}"
    );
    world.apply("cp-1", 1).await;
    let client = world.admin(1).await;
    assert_eq!(client.peer().subject, "CN=cp-1");
    let hostname: HostnameStatus = client.singleton().await.expect("asked").expect("exists");
    assert_eq!(hostname.hostname, "cp-1");
    let disk: SystemDisk = client.singleton().await.expect("asked").expect("installed");
    assert_eq!(disk.dev_path, "/dev/nvme0n1");
    let anyone = Identity::Maintenance {
        fingerprints: Vec::new(),
    };
    let error = world
        .connect(1, &anyone)
        .await
        .expect_err("has an identity");
    assert!(
        matches!(
            &error,
            Error::Identity {
                problem: IdentityProblem::NotInMaintenance,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_cluster_is_told_from_maintenance() {
    let world = world(1);
    world.apply("cp-1", 1).await;
    world.admin(1).await;
    let mut entropy = SeededEntropy::new(99);
    let mut foreign = world.bundle.clone();
    let authority = crate::pki::CertificateAuthority::generate(
        &crate::pki::Subject {
            organization: Some("talos".to_owned()),
            common_name: None,
        },
        KeyKind::Ed25519,
        world.clock.now(),
        &mut entropy,
    );
    foreign.certificates.os = crate::pki::bundle::EncodedPair::new(&authority.expect("made"));
    let identity = world.member_of(&foreign, TalosRole::Admin);
    let error = world.connect(1, &identity).await.expect_err("is not ours");
    assert!(
        matches!(
            &error,
            Error::Identity {
                problem: IdentityProblem::UnknownAuthority,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.peer().is_some_and(|peer| !peer.is_maintenance()));
}

#[tokio::test(start_paused = true)]
async fn roles_limit_what_a_caller_may_do() {
    let world = world(1);
    world.configured().await;
    let reader = world.role(TalosRole::Reader);
    let reader = world.connect(1, &reader).await.expect("may connect");
    reader.services().await.expect("may read");
    let error = reader.bootstrap().await.expect_err("may not");
    assert_eq!(error.code(), Some(Code::PermissionDenied));
    let error = reader.kubeconfig().await.expect_err("may not");
    assert_eq!(error.code(), Some(Code::PermissionDenied));
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_forwards_and_a_worker_does_not() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    let through = first.for_node("10.0.0.2").expect("an address");
    let hostname: HostnameStatus = through.singleton().await.expect("asked").expect("exists");
    assert_eq!(hostname.hostname, "cp-2");
    let worker = world
        .admin(4)
        .await
        .for_node("10.0.0.1")
        .expect("an address");
    let error = worker.version().await.expect_err("refused");
    assert_eq!(error.code(), Some(Code::PermissionDenied));
}

#[tokio::test(start_paused = true)]
async fn a_kubeconfig_names_the_endpoint_and_an_administrator() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    let text = first.kubeconfig().await.expect("made");
    let kubeconfig = yaml::parse(&text).expect("YAML");
    assert_eq!(
        kubeconfig["clusters"][0]["cluster"]["server"],
        "https://10.0.0.100:6443"
    );
    assert_eq!(kubeconfig["current-context"], "admin@test");
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_discovery_waits_for_the_endpoint() {
    let world = world(1);
    world.apply("cp-1", 1).await;
    let alone = json!({"/cluster/discovery": {"enabled": false}});
    let config = world.config_with("worker-1", 4, &alone);
    let maintenance = world.in_maintenance(4).await;
    maintenance
        .apply_configuration(&config, ApplyMode::Auto, DryRun::No)
        .await
        .expect("accepted");
    tokio::time::sleep(HOUR).await;
    let reach = || {
        world
            .fleet
            .with(|fleet| fleet.machine(&name("worker-1")).map(Machine::reach))
    };
    assert_eq!(reach(), Some(Reach::Refused));
    world.fleet.with(|fleet| fleet.set_endpoint_leads(true));
    world.admin(4).await;
}
