//! The project's own client drives simulated machines over TLS, in simulated time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use talos_api::resources::{
    AddressStatus, DiscoveredVolume, Disk, HostnameStatus, LinkStatus, MachineStatus, Member,
    OsVersion, Stage, SystemDisk, SystemInformation,
};
use talos_api::{
    ApplyMode, Change, Client, Code, Credentials, Dial, Dialing, DryRun, Endpoint, Error, Identity,
    IdentityProblem, Options, Payload, RebootMode,
};
use tokio::time::Instant;

use crate::connect::CertificateTime;
use crate::model::{Clock, NodeName};
use crate::pki::{KeyKind, SecretsBundle, SeededEntropy, TalosRole};
use crate::spec::cluster::{Arch, DiskSelector};
use crate::yaml;

use super::{DiskSpec, Fleet, Holding, MachineSpec, Reach, SharedFleet};

const START: &str = "2026-12-01T08:00:00Z";
const HOUR: Duration = Duration::from_hours(1);

/// Simulated time: tokio's, which stands still while anything can run.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        let start: Timestamp = START.parse().expect("a time");
        start.checked_add(self.0.elapsed()).expect("a time")
    }
}

/// Three control planes and a worker, and a way to their APIs.
#[derive(Clone)]
struct World {
    fleet: SharedFleet,
    clock: Arc<dyn Clock>,
    bundle: SecretsBundle,
}

impl Dial for World {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> Dialing<'a> {
        Box::pin(async move {
            let address = endpoint.host().parse().expect("an address");
            let (name, reach) = self.fleet.with(|fleet| {
                let machine = fleet.machine_at(address).expect("a machine");
                (machine.spec().name.clone(), machine.reach())
            });
            match reach {
                Reach::Silent => std::future::pending().await,
                Reach::Refused => Err(std::io::ErrorKind::ConnectionRefused.into()),
                Reach::Listening => {
                    let (near, far) = tokio::io::duplex(64 * 1024);
                    let fleet = self.fleet.clone();
                    tokio::spawn(async move { fleet.serve(name, Box::new(far)).await });
                    Ok(Box::new(near) as Box<dyn talos_api::Stream>)
                }
            }
        })
    }
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

fn machine(text: &str, last: u8) -> MachineSpec {
    let selector = DiskSelector::Serial(format!("SERIAL-{last}"));
    MachineSpec {
        name: name(text),
        address: [10, 0, 0, last].into(),
        prefix_len: 24,
        link: "eth0".to_owned(),
        mac: format!("52:54:00:00:00:{last:02x}").parse().expect("a MAC"),
        arch: Arch::Amd64,
        memory: 8192,
        uuid: format!("00000000-0000-4000-8000-0000000000{last:02x}"),
        version: "v1.13.9".parse().expect("a version"),
        disks: vec![DiskSpec::selected_by(&selector, &name(text))],
    }
}

fn world(seed: u64) -> World {
    let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
    let specs = vec![
        machine("cp-1", 1),
        machine("cp-2", 2),
        machine("cp-3", 3),
        machine("worker-1", 4),
    ];
    let fleet = SharedFleet::new(Fleet::new(specs, seed, clock.now()), Arc::clone(&clock));
    let driven = fleet.clone();
    tokio::spawn(async move { driven.drive(1).await });
    World {
        fleet,
        clock,
        bundle: SecretsBundle::throwaway(),
    }
}

impl World {
    fn options(&self) -> Options {
        Options {
            dial: Arc::new(self.clone()),
            time: Arc::new(CertificateTime(Arc::clone(&self.clock))),
            deadline: Duration::from_secs(10),
        }
    }

    fn endpoint(last: u8) -> Endpoint {
        Endpoint::new(format!("10.0.0.{last}"))
    }

    async fn connect(&self, last: u8, identity: &Identity) -> Result<Client, Error> {
        Client::connect(&Self::endpoint(last), identity, &self.options()).await
    }

    async fn in_maintenance(&self, last: u8) -> Client {
        let anyone = Identity::Maintenance {
            fingerprints: Vec::new(),
        };
        self.connect(last, &anyone).await.expect("answers")
    }

    fn role(&self, role: TalosRole) -> Identity {
        self.member_of(&self.bundle, role)
    }

    fn member_of(&self, bundle: &SecretsBundle, role: TalosRole) -> Identity {
        let mut entropy = SeededEntropy::new(1);
        let client = bundle
            .talos_client(role, 24 * HOUR, self.clock.now(), &mut entropy)
            .expect("an identity");
        let credentials = Credentials::from_pem(
            &client.authority.pem(),
            &client.certificate.pem(),
            client.key.pem().expose(),
        );
        Identity::Mutual(credentials.expect("credentials"))
    }

    /// Connects as an administrator once the machine has its identity.
    async fn admin(&self, last: u8) -> Client {
        let admin = self.role(TalosRole::Admin);
        for _ in 0..600 {
            match self.connect(last, &admin).await {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        panic!("10.0.0.{last} never came");
    }

    fn config(&self, node: &str, last: u8) -> Vec<u8> {
        self.config_with(node, last, &json!({}))
    }

    /// The smallest configuration that Talos would take, with changes to the v1alpha1 document.
    fn config_with(&self, node: &str, last: u8, changes: &serde_json::Value) -> Vec<u8> {
        let is_worker = node.starts_with("worker");
        let at = |path: &str| self.bundle.lookup(path).expect("a part").to_owned();
        let key = |path: &str| if is_worker { String::new() } else { at(path) };
        let mut main = json!({
            "version": "v1alpha1",
            "machine": {
                "type": if is_worker { "worker" } else { "controlplane" },
                "token": at("trustdinfo.token"),
                "ca": {"crt": at("certs.os.crt"), "key": key("certs.os.key")},
                "install": {"diskSelector": {"serial": format!("SERIAL-{last}")}},
            },
            "cluster": {
                "id": at("cluster.id"),
                "clusterName": "test",
                "controlPlane": {"endpoint": "https://10.0.0.100:6443"},
                "ca": {"crt": at("certs.k8s.crt"), "key": key("certs.k8s.key")},
                "discovery": {"enabled": true},
            },
        });
        if !is_worker {
            main["cluster"]["etcd"] =
                json!({"ca": {"crt": at("certs.etcd.crt"), "key": at("certs.etcd.key")}});
        }
        for (pointer, value) in changes.as_object().into_iter().flatten() {
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            main.pointer_mut(parent).expect("the parent exists")[field] = value.clone();
        }
        let hostname = json!({
            "apiVersion": "v1alpha1", "kind": "HostnameConfig", "hostname": node, "auto": "off",
        });
        yaml::emit_documents([&main, &hostname]).into_bytes()
    }

    async fn apply(&self, node: &str, last: u8) {
        let client = self.in_maintenance(last).await;
        let config = self.config(node, last);
        let applied = client
            .apply_configuration(&config, ApplyMode::Auto, DryRun::No)
            .await
            .expect("accepted");
        assert_eq!(applied.details, "Applied configuration without a reboot");
    }

    /// Applies all configurations and waits until every control plane waits for a bootstrap.
    async fn configured(&self) -> [Client; 3] {
        for (node, last) in [("cp-1", 1), ("cp-2", 2), ("cp-3", 3), ("worker-1", 4)] {
            self.apply(node, last).await;
        }
        let clients = [
            self.admin(1).await,
            self.admin(2).await,
            self.admin(3).await,
        ];
        for client in &clients {
            until(async || etcd_state(client).await == "Preparing").await;
        }
        clients
    }

    fn members(&self) -> Vec<(String, bool)> {
        self.fleet.with(|fleet| {
            let clusters = fleet.etcd().clusters();
            let members = clusters.first().map(|cluster| cluster.members.clone());
            members
                .unwrap_or_default()
                .into_iter()
                .map(|member| (member.node.to_string(), member.learner))
                .collect()
        })
    }
}

async fn etcd_state(client: &Client) -> String {
    let services = client.services().await.expect("services");
    let etcd = services.into_iter().find(|service| service.id == "etcd");
    etcd.map(|etcd| etcd.state).unwrap_or_default()
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..3600 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("it did not happen within an hour");
}

async fn stage(client: &Client) -> (Stage, bool) {
    let status: MachineStatus = client.singleton().await.expect("asked").expect("exists");
    (status.stage, status.status.ready)
}

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
            .with(|fleet| fleet.machine(&name("worker-1")).map(super::Machine::reach))
    };
    assert_eq!(reach(), Some(Reach::Refused));
    world.fleet.with(|fleet| fleet.set_endpoint_leads(true));
    world.admin(4).await;
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
async fn an_erased_machine_comes_back_to_maintenance_and_joins_again() {
    let world = world(1);
    let [first, ..] = world.configured().await;
    first.bootstrap().await.expect("accepted");
    until(async || world.members().iter().filter(|member| !member.1).count() == 3).await;
    world.fleet.with(|fleet| fleet.erase(&name("cp-3")));
    until(async || {
        world
            .fleet
            .with(|fleet| fleet.machine(&name("cp-3")).map(super::Machine::reach))
            == Some(Reach::Listening)
    })
    .await;
    world.apply("cp-3", 3).await;
    let third = world.admin(3).await;
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
        .with(|fleet| fleet.machine(&name("cp-2")).map(super::Machine::reach));
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
