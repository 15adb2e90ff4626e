//! What we make, taken by a real Talos node: the configuration that we render, joined with a
//! bundle, applied by our client, which then comes back with an identity made from that bundle.
//!
//! The node is machined, apid and etcd of the real release in namespaces of this machine. It has
//! no disk, no installation and no reboot; its API is the real one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use camino::Utf8Path;
use homelab::catalog::Catalog;
use homelab::pki::{self, SecretsBundle, SystemEntropy, TalosRole};
use homelab::render::reference::join;
use homelab::render::talos::documents;
use homelab::spec::cluster::{Cluster, NicSelector, Patch, Role};
use jiff::Timestamp;
use talos_api::resources::{AddressStatus, Disk, HostnameStatus, LinkStatus, MachineStatus, Stage};
use talos_api::{ApplyMode, Client, Code, DryRun, Endpoint, Error, Identity, Talosconfig};

use crate::support::lab::Lab;
use crate::support::{Case, Need, clusters, oracle, realparts, x509};

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
        .parts(&["talos-node", "talosctl"]),
    ]
}

async fn from_maintenance_to_etcd() -> anyhow::Result<()> {
    let lab = Lab::light("talos_node", 1);
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
    bootstraps_once(&client).await?;
    kubeconfigs_are_alike(&client.kubeconfig().await?)?;
    talosctl_is_let_in_by_its_context(&lab)
}

/// The node's own administrator's kubeconfig, and the one that we make of the bundle: the same entries, and a
/// certificate that says the same. Talos' holds for ten seconds before it is made and ours for five minutes,
/// for machines whose clock is behind.
fn kubeconfigs_are_alike(theirs: &str) -> anyhow::Result<()> {
    let bundle = SecretsBundle::throwaway();
    let year = Duration::from_hours(8760);
    let client = bundle.kubernetes_admin(year, Timestamp::now(), &mut SystemEntropy)?;
    let server = oracle::documents(theirs)[0]["clusters"][0]["cluster"]["server"].clone();
    let server = server.as_str().context("it has a server")?;
    let ours = pki::kubeconfig("homelab", server, &client);
    let described = |text: &str| {
        let mut config = oracle::documents(text).remove(0);
        let user = &mut config["users"][0]["user"];
        let certificate = x509::decoded(&user["client-certificate-data"].take());
        let key = x509::key_label(&user["client-key-data"].take());
        let authority =
            x509::decoded(&config["clusters"][0]["cluster"]["certificate-authority-data"]);
        let lines = x509::description(&certificate, &authority);
        let lasts = |line: &String| line.starts_with("holds for");
        let lifetime = lines.iter().find(|line| lasts(line)).cloned();
        let rest: Vec<_> = lines.into_iter().filter(|line| !lasts(line)).collect();
        (config, key, rest, lifetime)
    };
    let (ours, theirs) = (described(ours.expose()), described(theirs));
    ensure!(ours.0 == theirs.0, "{}\n{}", ours.0, theirs.0);
    ensure!(
        (&ours.1, &ours.2) == (&theirs.1, &theirs.2),
        "{ours:?}\n{theirs:?}"
    );
    let seconds = 8760 * 3600;
    ensure!(
        theirs.3.as_deref() == Some(format!("holds for {} s", seconds + 10).as_str()),
        "{theirs:?}"
    );
    ensure!(
        ours.3.as_deref() == Some(format!("holds for {} s", seconds + 300).as_str()),
        "{ours:?}"
    );
    Ok(())
}

/// Upstream's client with contexts of ours, against the real apid.
fn talosctl_is_let_in_by_its_context(lab: &Lab) -> anyhow::Result<()> {
    let program = realparts::program("talosctl", "talosctl");
    let address = lab.address("n1").to_owned();
    let talosctl = |context: &Utf8Path, arguments: &[&str]| {
        let way = ["--talosconfig", context.as_str(), "-n", &address];
        let all: Vec<_> = way.iter().chain(arguments).copied().collect();
        lab.run(&program, &all)
    };
    let hour = Duration::from_hours(1);
    let client = |bundle: &SecretsBundle, role, now| {
        bundle.talos_client(role, hour, now, &mut SystemEntropy)
    };
    let write = |name: &str, client: &pki::ClientIdentity| {
        let text = pki::talosconfig("homelab", std::slice::from_ref(&address), &[], client);
        lab.write(name, text.expose())
    };
    let (bundle, now) = (SecretsBundle::throwaway(), Timestamp::now());
    let admin = client(&bundle, TalosRole::Admin, now)?;
    let context = write("admin", &admin);
    let version = talosctl(&context, &["version"]).map_err(anyhow::Error::msg)?;
    ensure!(version.contains(RELEASE), "{version}");

    let context = write("reader", &client(&bundle, TalosRole::Reader, now)?);
    talosctl(&context, &["service"]).map_err(anyhow::Error::msg)?;
    let said = talosctl(&context, &["reboot", "--wait=false"]);
    let said = said.err().context("a reader may reboot")?;
    ensure!(said.contains("PermissionDenied"), "{said}");

    let yesterday = now - Duration::from_hours(24);
    let ended = client(&bundle, TalosRole::Admin, yesterday)?;
    let context = write("ended", &ended);
    let said = talosctl(&context, &["version"])
        .err()
        .context("an ended certificate is taken")?;
    ensure!(is_shut_out(&said, "expired certificate"), "{said}");

    let other = SecretsBundle::generate(now, &mut SystemEntropy)?;
    let foreign = pki::ClientIdentity {
        authority: ended.authority,
        ..client(&other, TalosRole::Admin, now)?
    };
    let context = write("foreign", &foreign);
    let said = talosctl(&context, &["version"])
        .err()
        .context("a stranger is let in")?;
    ensure!(is_shut_out(&said, "bad certificate"), "{said}");
    Ok(())
}

/// Tells whether TLS ended the connection, saying why; who writes while it ends may not hear the reason.
fn is_shut_out(said: &str, reason: &str) -> bool {
    let reasons = [
        reason,
        "unknown certificate authority",
        "broken pipe",
        "connection reset",
    ];
    said.contains("Unavailable") && reasons.iter().any(|reason| said.contains(reason))
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
