//! What we make, taken by a real Talos node: the configuration that we render, joined with a
//! bundle, applied by our client, which then comes back with an identity made from that bundle.
//!
//! The node is machined, apid and etcd of the real release in namespaces of this machine. It has
//! no disk, no installation and no reboot; its API is the real one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use homelab::catalog::Catalog;
use homelab::pki::{self, SecretsBundle, SystemEntropy, TalosRole};
use homelab::render::reference::join;
use homelab::render::talos::documents;
use homelab::spec::cluster::{Cluster, NicSelector, Patch, Role};
use jiff::Timestamp;
use talos_api::resources::{AddressStatus, Disk, HostnameStatus, LinkStatus, MachineStatus, Stage};
use talos_api::{ApplyMode, Client, Code, DryRun, Endpoint, Error, Identity, Talosconfig};

use crate::support::lab::Lab;
use crate::support::{Case, Need, clusters, oracle};

/// The release that the part `talos-node` is made of.
const RELEASE: &str = "v1.13.9";

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("node_is_taken_from_maintenance_to_etcd", || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(from_maintenance_to_etcd())
        })
        .needs(Need::Namespaces)
        .needs(Need::Program("python3"))
        .parts(&["talos-node"]),
    ]
}

async fn from_maintenance_to_etcd() -> anyhow::Result<()> {
    let lab = Lab::up(1);
    let node = Endpoint::new(lab.address("n1"));
    let mac = looks_around_in_maintenance_mode(&lab, &node).await?;
    let config = configuration(&lab, &mac)?;
    applies(&lab, &node, &config).await?;

    let identity = administrator()?;
    let options = lab.options();
    let client = until("the configured node answers", || {
        Client::connect(&node, &identity, &options)
    })
    .await?;
    ensure!(client.version().await?.tag == RELEASE);
    until("the node takes its name", || async {
        let hostname = client.singleton::<HostnameStatus>().await?;
        ensure!(
            hostname.as_ref().is_some_and(|it| it.hostname == "n1"),
            "{hostname:?}"
        );
        Ok(())
    })
    .await?;
    bootstraps_once(&client).await
}

/// The node's whole configuration, as `homelab bootstrap` would apply it.
fn configuration(lab: &Lab, mac: &str) -> anyhow::Result<String> {
    let address: std::net::Ipv4Addr = lab.address("n1").parse()?;
    let mut node = clusters::node("n1", Role::ControlPlane, address.octets()[3]);
    node.address = address.into();
    node.nic = NicSelector::Mac(mac.parse()?);
    let mut cluster: Cluster = clusters::talos();
    cluster.nodes = vec![node];
    cluster.network.nodes = "10.5.0.0/24".parse()?;
    cluster.network.gateway = Some("10.5.0.1".parse()?);
    cluster.network.time_servers.clear();
    cluster.control_plane.vip = None;
    cluster.control_plane.endpoint.host = address.to_string();
    // What is different in here: images come from the lab's registry, there is no time server.
    cluster.patches.all = oracle::documents(&lab.config_patches())
        .into_iter()
        .map(|content| Patch {
            content,
            line: 1,
            ..Patch::default()
        })
        .collect();
    let documents = documents(&cluster, &Catalog::embedded()?, &clusters::name("n1"))?;
    let joined = join(&documents, &SecretsBundle::throwaway())?;
    Ok(joined.expose().clone())
}

/// An administrator of the cluster that the throw-away bundle is the secrets of.
fn administrator() -> anyhow::Result<Identity> {
    let client = SecretsBundle::throwaway().talos_client(
        TalosRole::Admin,
        Duration::from_hours(1),
        Timestamp::now(),
        &mut SystemEntropy,
    )?;
    let talosconfig = pki::talosconfig("homelab", &[], &[], &client);
    let credentials = Talosconfig::parse(talosconfig.expose())?
        .context(None)?
        .credentials()?;
    Ok(Identity::Mutual(credentials))
}

/// What `observe` asks of a machine that nobody has configured yet; returns its hardware address.
async fn looks_around_in_maintenance_mode(lab: &Lab, node: &Endpoint) -> anyhow::Result<String> {
    let anybody = Identity::Maintenance {
        fingerprints: vec![],
    };
    let client = Client::connect(node, &anybody, &lab.options()).await?;
    ensure!(client.peer().is_maintenance());
    // The console is the other, independent way to the fingerprint.
    let fingerprint = client.peer().fingerprint;
    let console = lab.console("n1");
    ensure!(console.contains(&format!("'{fingerprint}'")), "{console}");
    ensure!(client.version().await?.tag == RELEASE);

    let status = client
        .singleton::<MachineStatus>()
        .await?
        .context("a machine has a status")?;
    ensure!(status.stage == Stage::Maintenance, "{status:?}");
    ensure!(
        client.list::<Disk>().await?.is_empty(),
        "a container has no disk"
    );
    let links = client.list::<LinkStatus>().await?;
    let eth0 = links
        .iter()
        .find(|link| link.id == "eth0")
        .context("the lab gives a link called eth0")?;
    ensure!(eth0.spec.link_state && eth0.spec.hardware_addr.len() == 17);
    let own = format!("{}/24", lab.address("n1"));
    let addresses = client.list::<AddressStatus>().await?;
    ensure!(
        addresses.iter().any(|found| found.spec.address == own),
        "{addresses:?}"
    );

    let mut pinned = Identity::Maintenance {
        fingerprints: vec![fingerprint],
    };
    Client::connect(node, &pinned, &lab.options()).await?;
    if let Identity::Maintenance { fingerprints } = &mut pinned {
        fingerprints[0] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse()?;
    }
    let refused = Client::connect(node, &pinned, &lab.options()).await;
    ensure!(
        matches!(refused, Err(Error::Identity { .. })),
        "{refused:?}"
    );
    Ok(eth0.spec.hardware_addr.clone())
}

async fn applies(lab: &Lab, node: &Endpoint, config: &str) -> anyhow::Result<()> {
    let anybody = Identity::Maintenance {
        fingerprints: vec![],
    };
    let client = Client::connect(node, &anybody, &lab.options()).await?;
    let wrong = config.replacen("type: controlplane", "typo: controlplane", 1);
    ensure!(wrong != config);
    let refused = client
        .apply_configuration(wrong.as_bytes(), ApplyMode::Auto, DryRun::No)
        .await;
    let Err(Error::Refused { code, message, .. }) = refused else {
        bail!("an unknown key was taken: {refused:?}");
    };
    ensure!(code == Code::InvalidArgument, "{code:?}");
    ensure!(message.contains("unknown keys found"), "{message}");

    let applied = client
        .apply_configuration(config.as_bytes(), ApplyMode::Auto, DryRun::No)
        .await?;
    ensure!(applied.warnings.is_empty(), "{:?}", applied.warnings);
    Ok(())
}

/// The behaviour that the bootstrap fence is built on.
async fn bootstraps_once(client: &Client) -> anyhow::Result<()> {
    until("etcd waits to be bootstrapped", || async {
        let services = client.services().await?;
        let etcd = services.iter().find(|service| service.id == "etcd");
        ensure!(
            etcd.is_some_and(|etcd| etcd.state == "Preparing"),
            "{etcd:?}"
        );
        Ok(())
    })
    .await?;
    let impatient = client.with_deadline(Duration::from_secs(2));
    let members = impatient.etcd_members().await;
    ensure!(
        matches!(members, Err(Error::Deadline { .. })),
        "{members:?}"
    );

    // What tells a machine that never had etcd from a member that starts again.
    let data = client.directory("/var/lib/etcd").await?;
    ensure!(data.is_empty(), "{data:?}");

    client.bootstrap().await?;
    until("etcd has its first member", || async {
        let members = client.etcd_members().await?;
        ensure!(members.len() == 1 && !members[0].learner, "{members:?}");
        Ok(())
    })
    .await?;
    let data = client.directory("/var/lib/etcd").await?;
    ensure!(data.contains(&"member".to_owned()), "{data:?}");
    let again = client.bootstrap().await;
    let Err(Error::Refused { code, message, .. }) = again else {
        bail!("a second bootstrap was taken: {again:?}");
    };
    ensure!(code == Code::AlreadyExists, "{code:?}: {message}");
    Ok(())
}

/// Tries until it works; fails after a minute with what happened last.
async fn until<T, E, F>(what: &str, mut attempt: impl FnMut() -> F) -> anyhow::Result<T>
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<T, E>>,
{
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() > end => {
                return Err(error.into()).with_context(|| format!("waited for: {what}"));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
