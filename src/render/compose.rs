//! Everything that is rendered, put together.

use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::{RenderError, automation, bootstrap, documents, flux, scripts, talos};
use crate::spec::Cluster;

/// Renders every file of the cluster's repository that people do not write themselves.
pub fn render(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, RenderError> {
    let mut tree = talos::render(cluster, catalog)?;
    tree.extend(flux::render(cluster, catalog)?);
    tree.extend(bootstrap::files(cluster, catalog)?);
    tree.extend(automation::render(cluster, catalog)?);
    tree.extend(scripts::render());
    let documents = documents::render(cluster, catalog, &tree)?;
    tree.extend(documents);
    Ok(tree)
}
