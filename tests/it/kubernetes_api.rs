//! What bootstrap applies before Git takes over, and what Git brings, taken by a real Kubernetes
//! API through our own client. No node runs, so that no Job ends.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use homelab::catalog::Catalog;
use homelab::connect::{Target, Tcp};
use homelab::kube::ready::{Readiness, readiness};
use homelab::kube::{Access, Client, Holder, KubeError, LeaseAnswer, LeaseLife, in_apply_order};
use homelab::model::{Clock as _, Secret, SystemClock};
use homelab::render::{self, bootstrap};
use homelab::spec::{self, Cluster};
use serde_json::{Value, json};

use crate::support::control_plane::ControlPlane;
use crate::support::{Case, Need, oracle};

/// The field manager of what Git owns later.
const MANAGER: &str = "kubectl-homelab";

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("rendered_objects_are_taken", || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(rendered_objects_are_taken())
        })
        .needs(Need::Program("python3"))
        .needs(Need::Program("openssl"))
        .parts(&["kubernetes"]),
    ]
}

async fn rendered_objects_are_taken() -> anyhow::Result<()> {
    let real = ControlPlane::up();
    let client = client(&real)?;
    client.ready().await?;

    let catalog = Catalog::embedded()?;
    let cluster = own_cluster(&catalog)?;
    applies_twice_and_changes_nothing(&client, &before_git(&cluster, &catalog)?).await?;
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
    applies_twice_and_changes_nothing(&client, &from_git(&cluster, &catalog)?).await?;
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

/// This repository's own cluster.
fn own_cluster(catalog: &Catalog) -> anyhow::Result<Cluster> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml"))?;
    let checked = spec::load("homelab.yaml", &text, catalog);
    checked.cluster.context("our own homelab.yaml is valid")
}

/// What bootstrap applies before Git takes over, as far as the API knows its kinds by itself.
fn before_git(cluster: &Cluster, catalog: &Catalog) -> anyhow::Result<Vec<Value>> {
    let manifests = bootstrap::manifests(cluster, catalog)?;
    let mut objects = manifests.namespaces;
    objects.extend(manifests.network.objects());
    objects.extend(manifests.operator.objects());
    Ok(in_apply_order(&objects).into_iter().cloned().collect())
}

/// What Flux applies from the rendered tree, as far as the API knows its kinds by itself.
fn from_git(cluster: &Cluster, catalog: &Catalog) -> anyhow::Result<Vec<Value>> {
    let tree = render::render(cluster, catalog)?;
    let mut objects = Vec::new();
    for (path, file) in tree.iter() {
        let is_object =
            path.extension() == Some("yaml") && path.file_stem() != Some("kustomization");
        if path.starts_with("cluster") && is_object {
            let text = std::str::from_utf8(&file.bytes)?;
            objects.extend(oracle::documents(text));
        }
    }
    objects.retain(|object| {
        let group = object["apiVersion"]
            .as_str()
            .and_then(|it| it.split_once('/'));
        group.is_none_or(|(group, _)| !group.contains('.') || group.ends_with(".k8s.io"))
    });
    Ok(in_apply_order(&objects).into_iter().cloned().collect())
}

async fn applies_twice_and_changes_nothing(
    client: &Client,
    objects: &[Value],
) -> anyhow::Result<()> {
    ensure!(objects.len() > 3, "{objects:?}");
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
