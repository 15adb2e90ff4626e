//! Documents for people: the cluster as it is, told from the same data as everything else.

mod components;
mod layout;
mod markdown;
mod overview;
mod topology;
mod virtual_machine;

use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::RenderError;
use crate::spec::Cluster;

/// Renders the documents; `tree` holds every other file, for the repository's layout.
pub(super) fn render(
    cluster: &Cluster,
    catalog: &Catalog,
    tree: &FileTree,
) -> Result<FileTree, RenderError> {
    let mut documents = FileTree::default();
    documents.add("bootstrap/vm/README.md", virtual_machine::page(cluster));
    let page = overview::page(cluster, catalog, tree)?;
    documents.add("docs/cluster.md", page);
    Ok(documents)
}
