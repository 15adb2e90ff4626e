//! What bootstrap applies before Git takes over, taken by a real Kubernetes API through our own
//! client. No node runs, so that no Job ends.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use homelab::catalog::Catalog;
use homelab::connect::{Target, Tcp};
use homelab::kube::ready::{Readiness, readiness};
use homelab::kube::{Access, Client, Holder, KubeError, LeaseAnswer, LeaseLife, in_apply_order};
use homelab::model::{Clock as _, Secret, SystemClock};
use homelab::render::bootstrap;
use homelab::spec::cluster::SelectedComponent;
use serde_json::{Value, json};

use crate::support::control_plane::ControlPlane;
use crate::support::{Case, Need, clusters};

/// The field manager of what Git owns later.
const MANAGER: &str = "kubectl-homelab";

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("objects_before_git_are_taken", || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(objects_before_git_are_taken())
        })
        .needs(Need::Program("python3"))
        .needs(Need::Program("openssl"))
        .parts(&["kubernetes"]),
    ]
}

async fn objects_before_git_are_taken() -> anyhow::Result<()> {
    let real = ControlPlane::up();
    let client = client(&real)?;
    client.ready().await?;

    applies_twice_and_changes_nothing(&client, &objects()?).await?;
    fields_are_owned_by_the_manager(&real);
    let jobs = client.list("batch/v1", "Job", None).await?;
    ensure!(jobs.len() == 2, "one Job for the network, one for Flux");
    for job in &jobs {
        let state = readiness(job);
        ensure!(
            matches!(state, Readiness::InProgress(_)),
            "{state:?}: {job}"
        );
    }
    kinds_that_are_not_there_yet_are_told_apart(&client).await?;
    one_operator_at_a_time(&client).await
}

fn client(real: &ControlPlane) -> anyhow::Result<Client> {
    let access = Access::parse(&Secret::new(real.kubeconfig()))?;
    let target: Target = access
        .server
        .strip_prefix("https://")
        .context("an https URL")?
        .parse()?;
    Ok(Client::new(
        &access,
        &target,
        Arc::new(Tcp),
        Arc::new(SystemClock),
    )?)
}

/// The objects of step 8 for a cluster with everything that comes before Git.
fn objects() -> anyhow::Result<Vec<Value>> {
    let mut cluster = clusters::talos();
    cluster.components = vec![
        select("kube-vip", "0.9.9", &json!({"interface": ""})),
        select(
            "cilium",
            "1.20.1",
            &json!({"hubble": false, "encryption": false}),
        ),
        select(
            "flux-operator",
            "0.58.1",
            &json!({"flux": "2.9.x", "size": "small"}),
        ),
    ];
    let manifests = bootstrap::manifests(&cluster, &Catalog::embedded()?)?;
    let mut objects = manifests.namespaces;
    objects.extend(manifests.network.objects());
    objects.extend(manifests.operator.objects());
    Ok(in_apply_order(&objects).into_iter().cloned().collect())
}

fn select(name: &str, version: &str, options: &Value) -> SelectedComponent {
    SelectedComponent {
        name: name.to_owned(),
        version: version.to_owned(),
        chart_url: None,
        options: options.as_object().cloned().unwrap_or_default(),
        values: serde_json::Map::new(),
    }
}

async fn applies_twice_and_changes_nothing(
    client: &Client,
    objects: &[Value],
) -> anyhow::Result<()> {
    ensure!(objects.len() > 5, "{objects:?}");
    let mut first = Vec::new();
    for object in objects {
        first.push(client.apply(object, MANAGER).await?);
    }
    for (object, before) in objects.iter().zip(&first) {
        let again = client.apply(object, MANAGER).await?;
        // A Job's controller writes its status in between; the generation counts the spec alone.
        let field = if object["kind"] == "Job" {
            "generation"
        } else {
            "resourceVersion"
        };
        ensure!(
            again["metadata"][field] == before["metadata"][field],
            "{object} changed when it was applied again"
        );
    }
    Ok(())
}

fn fields_are_owned_by_the_manager(real: &ControlPlane) {
    let owners = real.kubectl(&[
        "get",
        "namespace",
        "flux-system",
        "--show-managed-fields",
        "-o",
        "jsonpath={range .metadata.managedFields[*]}{.manager} {.operation}{\"\\n\"}{end}",
    ]);
    assert_eq!(owners, format!("{MANAGER} Apply\n"));
}

async fn kinds_that_are_not_there_yet_are_told_apart(client: &Client) -> anyhow::Result<()> {
    let api = "fluxcd.controlplane.io/v1";
    let absent = client
        .get(api, "FluxInstance", Some("flux-system"), "flux")
        .await?;
    ensure!(absent.is_none());
    let instance = json!({
        "apiVersion": api,
        "kind": "FluxInstance",
        "metadata": {"name": "flux", "namespace": "flux-system"},
    });
    let refused = client.apply(&instance, MANAGER).await;
    ensure!(
        matches!(refused, Err(KubeError::UnknownKind { .. })),
        "{refused:?}"
    );
    let wrong = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "Not_A_Name"},
    });
    let refused = client.apply(&wrong, MANAGER).await;
    ensure!(
        matches!(refused, Err(KubeError::Refused { code: 422, .. })),
        "{refused:?}"
    );
    Ok(())
}

async fn one_operator_at_a_time(client: &Client) -> anyhow::Result<()> {
    let holder = |identity: &str| Holder {
        identity: identity.to_owned(),
        cluster: "homelab".to_owned(),
    };
    let (laptop, desktop) = (holder("laptop"), holder("desktop"));
    let now = SystemClock.now();
    ensure!(client.take_lease(&laptop, now).await? == LeaseAnswer::Held);
    ensure!(client.take_lease(&laptop, now).await? == LeaseAnswer::Held);
    let LeaseAnswer::Foreign(seen) = client.take_lease(&desktop, now).await? else {
        anyhow::bail!("two operators hold the lease");
    };
    ensure!(seen.holder == "laptop", "{seen:?}");
    // The holder renews it after it was seen: it must not be taken over.
    let later = now + LeaseLife::RENEW_EVERY;
    client.take_lease(&laptop, later).await?;
    let taken = client.take_over_lease(&seen, &desktop, later).await?;
    ensure!(matches!(taken, LeaseAnswer::Foreign(_)), "{taken:?}");
    client.release_lease(&laptop).await?;
    ensure!(client.take_lease(&desktop, now).await? == LeaseAnswer::Held);
    Ok(())
}
