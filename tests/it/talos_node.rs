//! Our Talos client against real Talos nodes: machined, apid and etcd of v1.13.9, in containers'
//! namespaces. There is no disk, no installation and no reboot; the API is the real one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use talos_api::resources::{AddressStatus, Disk, LinkStatus, MachineStatus, Stage};
use talos_api::{ApplyMode, Client, Code, DryRun, Endpoint, Error, Identity, Talosconfig};

use crate::support::lab::Lab;
use crate::support::{Case, Need, TestEnv, realparts};

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
    let lab = Lab::up(1);
    let node = Endpoint::new(lab.address("n1"));
    let (config, talosconfig) = generate(&lab);

    looks_around_in_maintenance_mode(&lab, &node).await?;
    applies(&lab, &node, &config).await?;

    let credentials = Talosconfig::parse(&talosconfig)?
        .context(None)?
        .credentials()?;
    let identity = Identity::Mutual(credentials);
    let options = lab.options();
    let client = until("the configured node answers", || {
        Client::connect(&node, &identity, &options)
    })
    .await?;
    ensure!(client.version().await?.tag == RELEASE);
    bootstraps_once(&client).await
}

/// What `observe` asks of a machine that nobody has configured yet.
async fn looks_around_in_maintenance_mode(lab: &Lab, node: &Endpoint) -> anyhow::Result<()> {
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
    Ok(())
}

async fn applies(lab: &Lab, node: &Endpoint, config: &str) -> anyhow::Result<()> {
    let anybody = Identity::Maintenance {
        fingerprints: vec![],
    };
    let client = Client::connect(node, &anybody, &lab.options()).await?;
    let wrong = config.replace("    type: controlplane", "    typo: controlplane");
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

    client.bootstrap().await?;
    until("etcd has its first member", || async {
        let members = client.etcd_members().await?;
        ensure!(members.len() == 1 && !members[0].learner, "{members:?}");
        Ok(())
    })
    .await?;
    let again = client.bootstrap().await;
    let Err(Error::Refused { code, message, .. }) = again else {
        bail!("a second bootstrap was taken: {again:?}");
    };
    ensure!(code == Code::AlreadyExists, "{code:?}: {message}");
    Ok(())
}

/// A control plane's configuration and a talosconfig, as upstream's own tool makes them.
fn generate(lab: &Lab) -> (String, String) {
    let env = TestEnv::new();
    env.write("patch.yaml", lab.config_patches());
    env.program(
        realparts::program("talosctl", "talosctl"),
        [
            "gen",
            "config",
            "lab",
            &format!("https://{}:6443", lab.address("n1")),
            "--kubernetes-version=1.36.4",
            "--config-patch=@patch.yaml",
            "--with-docs=false",
            "--with-examples=false",
        ],
    )
    .run()
    .success();
    (env.read("controlplane.yaml"), env.read("talosconfig"))
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
