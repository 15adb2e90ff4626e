//! The secret references of the owner's patches, with their places.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use crate::render::reference::SecretRef;
use crate::spec::cluster::{Cluster, Patch};
use crate::yaml::{Node, Span};

/// A secret reference in a patch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PatchSecret {
    /// The file of the patch; `homelab.yaml` when there is none.
    pub patch: Option<Utf8PathBuf>,
    /// Where it stands.
    pub span: Span,
    /// What it refers to.
    pub reference: SecretRef,
}

/// Returns every well-formed reference of the patches of a cluster, each once.
pub fn patch_secrets(cluster: &Cluster) -> BTreeSet<PatchSecret> {
    let scopes = [
        &cluster.patches.all,
        &cluster.patches.control_plane,
        &cluster.patches.worker,
    ];
    let nodes = cluster.nodes.iter().map(|node| &node.patches);
    let mut found = BTreeSet::new();
    for patch in scopes.into_iter().chain(nodes).flatten() {
        walk(&patch.tree, patch, &mut found);
    }
    found
}

fn walk(node: &Node, patch: &Patch, found: &mut BTreeSet<PatchSecret>) {
    if let [entry] = node.entries()
        && entry.key == SecretRef::KEY
        && let Some(Ok(reference)) = SecretRef::of(&node.to_value())
    {
        found.insert(PatchSecret {
            patch: patch.file.clone(),
            span: entry.value.span,
            reference,
        });
        return;
    }
    node.entries()
        .iter()
        .for_each(|entry| walk(&entry.value, patch, found));
    node.items()
        .iter()
        .for_each(|item| walk(item, patch, found));
}
