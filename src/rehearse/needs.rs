//! What a real run would need that a rehearsal does without.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::catalog::{Catalog, expected_secrets};
use crate::render::talos::BUNDLE_PATH;
use crate::spec::Cluster;
use crate::spec::cluster::GitOps;

/// Something that is missing for a real run, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What is missing.
    pub what: String,
    /// What to do about it, as an imperative sentence.
    pub remedy: String,
}

fn need(what: impl Into<String>, remedy: impl Into<String>) -> Need {
    Need {
        what: what.into(),
        remedy: remedy.into(),
    }
}

/// Returns what is missing; `exists` tells whether a file of the repository is there, and `stale`
/// names the rendered files that are not what the spec renders.
pub fn needs(
    cluster: &Cluster,
    catalog: &Catalog,
    exists: &dyn Fn(&Utf8Path) -> bool,
    stale: &[Utf8PathBuf],
) -> Vec<Need> {
    let mut found = Vec::new();
    if !exists(BUNDLE_PATH.into()) {
        found.push(need(
            format!("there is no secrets bundle at `{BUNDLE_PATH}`"),
            "run `homelab secrets init`",
        ));
    }
    let GitOps::Flux(flux) = &cluster.gitops;
    if is_placeholder(&flux.url) {
        found.push(need(
            format!("`{}` is nobody's repository", flux.url),
            "set `spec.gitops.flux.url` in homelab.yaml to your own",
        ));
    }
    // A cluster whose secrets cannot be told has failed to render long before.
    for secret in expected_secrets(cluster, catalog).unwrap_or_default() {
        if !exists(&secret.file) {
            found.push(need(
                format!("`{}` wants a secret in `{}`", secret.component, secret.file),
                "run `homelab secrets init`, or write the file and run `homelab secrets encrypt` on it",
            ));
        }
    }
    if let Some(first) = stale.first() {
        let what = match stale.len() {
            1 => format!("`{first}` is not what homelab.yaml renders"),
            more => format!(
                "`{first}` and {} more are not what homelab.yaml renders",
                more - 1
            ),
        };
        found.push(need(what, "run `homelab render` and commit the result"));
    }
    found
}

/// The owner that examples and presets use.
fn is_placeholder(url: &str) -> bool {
    ["/me/", ":me/", "example.org", "example.com"]
        .iter()
        .any(|part| url.contains(part))
}
