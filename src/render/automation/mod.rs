//! What runs without people: checks on GitHub, updates by Renovate.

mod renovate;
mod workflows;

use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::RenderError;
use crate::spec::Cluster;

/// Renders workflows and the configuration of Renovate.
pub(super) fn render(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, RenderError> {
    let mut tree = workflows::render(cluster);
    tree.extend(renovate::render(cluster, catalog)?);
    Ok(tree)
}
