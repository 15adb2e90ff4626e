//! The tree that Flux reconciles.
//!
//! `cluster/flux/` is where it starts; every component has a folder of its own with a Flux
//! Kustomization that waits for what it depends on, so that one that fails holds up nothing else.

mod component;
mod config;
mod entry;
mod objects;
mod release;
mod secrets;

use crate::catalog::{Catalog, Templates, expected_secrets, selected};
use crate::model::FileTree;
use crate::render::RenderError;
use crate::spec::Cluster;

pub use entry::ENTRY_PATH;

/// Renders the folder `cluster/`.
pub fn render(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, RenderError> {
    let templates = Templates::new(cluster);
    let secrets = expected_secrets(cluster, catalog)?;
    let mut tree = FileTree::default();
    for (selected, component) in selected(cluster, catalog) {
        let context = component::Context {
            cluster,
            catalog,
            templates: &templates,
            has_secrets: secrets.iter().any(|it| it.component == component.name),
        };
        tree.extend(component::render(&context, component, selected)?);
    }
    tree.extend(secrets::render(&secrets));
    tree.extend(config::render(cluster, catalog));
    tree.extend(entry::render(cluster, catalog));
    Ok(tree)
}

#[cfg(test)]
mod tests;
