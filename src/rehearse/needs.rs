//! What a real run would need that a rehearsal does without.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::catalog::{Catalog, expected_secrets};
use crate::plan::GIT_CREDENTIALS;
use crate::render::talos::BUNDLE_PATH;
use crate::spec::cluster::{DiskSelector, GitAuth, GitOps};
use crate::spec::{Cluster, is_placeholder_url};

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
    if is_placeholder_url(&flux.url) {
        found.push(need(
            format!("`{}` is nobody's repository", flux.url),
            "set `spec.gitops.flux.url` in homelab.yaml to your own",
        ));
    }
    found.extend(credentials(flux.auth, exists));
    found.extend(disks(cluster));
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

/// What Flux needs to read a repository that is not public.
fn credentials(auth: GitAuth, exists: &dyn Fn(&Utf8Path) -> bool) -> Option<Need> {
    let what = match auth {
        GitAuth::None => return None,
        GitAuth::Ssh => "makes a deploy key and says where to register it",
        GitAuth::Token => "asks for the token",
    };
    (!exists(GIT_CREDENTIALS.into())).then(|| {
        need(
            format!("Flux wants the Git credentials in `{GIT_CREDENTIALS}`"),
            format!("run `homelab secrets init`, which {what}"),
        )
    })
}

/// Disks that still have the name that presets give them: no machine has such a serial number.
fn disks(cluster: &Cluster) -> Option<Need> {
    let unnamed = |disk: &DiskSelector| matches!(disk, DiskSelector::Serial(serial) if serial.starts_with("CHANGE-ME"));
    let nodes: Vec<_> = cluster
        .nodes
        .iter()
        .filter(|node| unnamed(&node.disk))
        .map(|node| format!("`{}`", node.name))
        .collect();
    (!nodes.is_empty()).then(|| {
        need(
            format!("the disk and network card of {} are the preset's", nodes.join(", ")),
            "set `disk.serial` and `nic.mac` in homelab.yaml to what the console of each machine shows",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::preset::Preset;

    #[test]
    fn a_fresh_repository_is_told_all_that_bootstrap_would_refuse() {
        let catalog = Catalog::embedded().expect("the shipped catalogue loads");
        let checked = crate::spec::load("homelab.yaml", Preset::OneNode.text(), &catalog);
        let cluster = checked.cluster.expect("a preset is valid");
        let told = |exists: &dyn Fn(&Utf8Path) -> bool| -> Vec<String> {
            let needs = needs(&cluster, &catalog, exists, &[]);
            needs.into_iter().map(|need| need.what).collect()
        };
        let url = "`ssh://git@github.com/me/homelab.git` is nobody's repository";
        let disks = "the disk and network card of `talos-1` are the preset's";
        assert_eq!(
            told(&|_| false),
            [
                "there is no secrets bundle at `infrastructure/talos/secrets.sops.yaml`",
                url,
                "Flux wants the Git credentials in `cluster/secrets/flux-operator/git-credentials.sops.yaml`",
                disks,
            ]
        );
        assert_eq!(told(&|_| true), [url, disks]);
    }
}
