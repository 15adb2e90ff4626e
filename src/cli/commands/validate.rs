//! `homelab validate`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Outcome;
use crate::catalog::{Catalog, expected_secrets};
use crate::cli::sealed::opener;
use crate::cli::{Context, ExitStatus, Failure, load};
use crate::render::talos::BUNDLE_PATH;
use crate::spec::cluster::{Cluster, Distribution, GitOps, Role, VipProvider};
use crate::spec::{self, Checked, MissingSecret, Placeholder};
use crate::store::sealed::check_patch_secrets;
use crate::ui;

/// Arguments of `homelab validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  homelab validate                    check homelab.yaml of this directory
  homelab -C ~/lab validate           check another one
  homelab validate --output json      findings for editors and CI")]
pub struct ValidateArgs {}

/// Checks `homelab.yaml` and says what the cluster is.
pub fn run(context: &Context, _args: ValidateArgs) -> Outcome {
    let (checked, catalog) = load::check(context)?;
    let missing = match &checked.cluster {
        Some(cluster) => missing_secrets(context, cluster, &catalog)?,
        None => Vec::new(),
    };
    let mut others = match &checked.cluster {
        Some(cluster) => check_patch_secrets(&opener(context), cluster),
        None => Vec::new(),
    };
    let left = spec::placeholders(&checked.source);
    others.extend(left.iter().map(Placeholder::diagnostic));
    let checked = checked.with_repository(&missing, others, &catalog);
    if context.ui.is_json() {
        context.ui.json(&json!({
            "valid": checked.cluster.is_some(),
            "findings": ui::diagnostics::json(&checked),
            "cluster": checked.cluster.as_ref().map(facts),
        }))?;
    } else {
        load::show(context, &checked);
    }
    let Some(cluster) = &checked.cluster else {
        return Err(load::failure(&checked));
    };
    if !context.ui.is_json() {
        context.ui.result(report(&checked, cluster).as_bytes())?;
    }
    Ok(ExitStatus::Done)
}

/// Looks for the encrypted files that the tree lists.
fn missing_secrets(
    context: &Context,
    cluster: &Cluster,
    catalog: &Catalog,
) -> Result<Vec<MissingSecret>, Failure> {
    let bundle = MissingSecret {
        file: BUNDLE_PATH.into(),
        summary: "the cluster's own certificates and keys".to_owned(),
        component: None,
    };
    let expected = expected_secrets(cluster, catalog)?
        .into_iter()
        .map(|secret| MissingSecret {
            file: secret.file,
            summary: secret.declaration.summary,
            component: Some(secret.component),
        });
    let files = [bundle].into_iter().chain(expected);
    Ok(files
        .filter(|secret| !context.settings.root.join(&secret.file).exists())
        .collect())
}

fn report(checked: &Checked, cluster: &Cluster) -> String {
    let accepted = checked
        .diagnostics
        .iter()
        .filter(|finding| finding.accepted.is_some());
    let accepted = match accepted.count() {
        0 => String::new(),
        1 => "1 warning is accepted\n".to_owned(),
        number => format!("{number} warnings are accepted\n"),
    };
    let count = ui::diagnostics::count(checked);
    format!(
        "{}{accepted}{}: {count}\n",
        summary(cluster),
        checked.source_name
    )
}

fn summary(cluster: &Cluster) -> String {
    let facts = facts(cluster);
    let mut text = String::new();
    for (name, value) in facts.as_object().into_iter().flatten() {
        let lines: Vec<_> = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        for (index, line) in lines.into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            writeln!(text, "{name:<14}{line}").expect("a string takes all");
        }
    }
    text
}

fn facts(cluster: &Cluster) -> Value {
    let Distribution::Talos(talos) = &cluster.distribution;
    let GitOps::Flux(flux) = &cluster.gitops;
    let endpoint = &cluster.control_plane.endpoint;
    let by = match cluster.control_plane.vip.as_ref().map(|vip| vip.provider) {
        Some(VipProvider::KubeVip) => " (virtual IP, kube-vip)",
        Some(VipProvider::Talos) => " (virtual IP, Talos)",
        None => "",
    };
    json!({
        "cluster": cluster.name,
        "kubernetes": cluster.kubernetes,
        "distribution": format!("Talos {}", talos.version),
        "endpoint": format!("https://{}:{}{by}", bracketed(&endpoint.host), endpoint.port),
        "nodes": nodes(cluster),
        "gitops": format!("Flux, {} ({})", flux.url, flux.branch),
        "components": names(&cluster.components),
        "apps": names(&cluster.apps),
    })
}

fn nodes(cluster: &Cluster) -> Vec<String> {
    let node = |node: &crate::spec::cluster::Node| {
        let role = match node.role {
            Role::ControlPlane => "control plane",
            Role::Worker => "worker",
        };
        format!("{} {} ({role})", node.name, node.address)
    };
    cluster.nodes.iter().map(node).collect()
}

fn names(components: &[crate::spec::cluster::SelectedComponent]) -> Vec<String> {
    let named = |component: &crate::spec::cluster::SelectedComponent| {
        format!("{} {}", component.name, component.version)
    };
    components.iter().map(named).collect()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}
