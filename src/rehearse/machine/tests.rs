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

use super::{DiskSpec, Fleet, Holding, Machine, MachineSpec, Reach, SharedFleet};

mod etcd;
mod identity;
mod maintenance;
mod restart;

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
                    tokio::spawn(async move { fleet.serve(name, "".into(), Box::new(far)).await });
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
        gateway: Some([10, 0, 0, 254].into()),
        nameservers: vec![[10, 0, 0, 254].into()],
        link: "eth0".to_owned(),
        mac: format!("52:54:00:00:00:{last:02x}").parse().expect("a MAC"),
        arch: Arch::Amd64,
        memory: 8192,
        uuid: format!("00000000-0000-4000-8000-0000000000{last:02x}"),
        version: "v1.13.9".parse().expect("a version"),
        disks: vec![DiskSpec::selected_by(&selector, &name(text))],
        clock_offset: 0,
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

    fn config_with(&self, node: &str, last: u8, changes: &serde_json::Value) -> Vec<u8> {
        smallest_config(&self.bundle, node, last, changes)
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

/// The smallest configuration that Talos would take, with changes to the v1alpha1 document.
fn smallest_config(
    bundle: &SecretsBundle,
    node: &str,
    last: u8,
    changes: &serde_json::Value,
) -> Vec<u8> {
    let is_worker = node.starts_with("worker");
    let at = |path: &str| bundle.lookup(path).expect("a part").to_owned();
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
