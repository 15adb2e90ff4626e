//! `docs/cluster.md`: the cluster on one page.

use super::markdown::{marker, table};
use super::{components, layout, topology};
use crate::catalog::{Catalog, expected_secrets};
use crate::model::FileTree;
use crate::render::RenderError;
use crate::spec::Cluster;
use crate::spec::cluster::{Distribution, GitOps};

pub(super) fn page(
    cluster: &Cluster,
    catalog: &Catalog,
    tree: &FileTree,
) -> Result<String, RenderError> {
    let secrets = expected_secrets(cluster, catalog)?;
    let mut sections = vec![
        format!(
            "{}# The cluster {}\n\n{}",
            marker(),
            cluster.name,
            facts(cluster)
        ),
        format!(
            "## Topology\n\n{}\n{}",
            availability(cluster),
            topology::picture(cluster)
        ),
        format!("## Nodes\n\n{}", topology::nodes(cluster)),
        format!("## Addresses\n\n{}", topology::addresses(cluster)),
        format!(
            "## Components and applications\n\n{}\n{}",
            components::list_all(cluster, catalog),
            components::picture(cluster, catalog)
        ),
        format!(
            "## How it comes up\n\n{}",
            components::order(cluster, catalog)
        ),
    ];
    if !secrets.is_empty() {
        sections.push(format!(
            "## Secrets\n\nEncrypted with SOPS; Flux decrypts them in the cluster.\n\n{}",
            components::secrets(&secrets)
        ));
    }
    sections.push(format!(
        "## Repository\n\n{}",
        layout::picture(cluster.name.as_str(), tree)
    ));
    Ok(sections.join("\n"))
}

fn facts(cluster: &Cluster) -> String {
    let Distribution::Talos(talos) = &cluster.distribution;
    let GitOps::Flux(flux) = &cluster.gitops;
    let rows = [
        ["Kubernetes".to_owned(), cluster.kubernetes.to_string()],
        [
            "Operating system".to_owned(),
            format!("Talos Linux {}", talos.version),
        ],
        [
            "GitOps".to_owned(),
            format!("Flux, `{}`, branch `{}`", flux.url, flux.branch),
        ],
    ];
    table(["What", "Which"], &rows)
}

/// Says what the loss of a machine means.
fn availability(cluster: &Cluster) -> String {
    let members = cluster.control_planes().len();
    let spare = members.saturating_sub(1) / 2;
    let quorum = members / 2 + 1;
    let survives = match spare {
        0 => "it does not survive the loss of a control plane".to_owned(),
        1 => "it survives the loss of one control plane".to_owned(),
        spare => format!("it survives the loss of {spare} control planes"),
    };
    let members = match members {
        1 => "etcd has one member".to_owned(),
        members => format!("etcd has {members} members and needs {quorum} of them"),
    };
    format!("{members}: {survives}.\n")
}
