//! The folder `bootstrap/manifests/`: what is applied before Git, for review.

use serde_json::Value;

use super::manifests::manifests;
use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::RenderError;
use crate::render::marker::yaml_file;
use crate::spec::Cluster;

/// Renders the objects that come before Git, in files numbered in the order they are applied.
/// Secrets are not among them: they are made in memory.
pub fn files(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, RenderError> {
    let manifests = manifests(cluster, catalog)?;
    let stages: [(&str, Vec<Value>); 4] = [
        ("1-namespaces", manifests.namespaces),
        ("2-network", manifests.network.objects()),
        ("3-operator", manifests.operator.objects()),
        ("4-instance", manifests.instance),
    ];
    let mut tree = FileTree::default();
    for (name, objects) in stages {
        if !objects.is_empty() {
            tree.add(
                format!("bootstrap/manifests/{name}.yaml"),
                yaml_file(&objects),
            );
        }
    }
    Ok(tree)
}
