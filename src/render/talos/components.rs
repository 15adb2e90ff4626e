//! What the chosen components ask of machines.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TalosRenderError;
use crate::catalog::{Catalog, Component};
use crate::spec::cluster::{Cluster, Image, Node, Role, SelectedComponent};

/// Returns the patches of every component and application that has one for this role, by name, in
/// dependency order.
pub(super) fn patches<'a>(
    cluster: &'a Cluster,
    catalog: &'a Catalog,
    role: Role,
) -> Result<Vec<(&'a str, Vec<Value>)>, TalosRenderError> {
    let mut found = Vec::new();
    for (selected, component) in chosen(cluster, catalog) {
        let requirements = &component?.nodes.talos;
        let mut patches = requirements.patches.clone();
        if role == Role::ControlPlane {
            patches.extend(requirements.control_plane_patches.iter().cloned());
        }
        if !patches.is_empty() {
            found.push((selected.name.as_str(), patches));
        }
    }
    Ok(found)
}

/// Returns the image of a node: what its owner wrote, and the extensions and kernel arguments that components
/// ask for.
///
/// Extensions are sorted, so that the order of components does not make another image; kernel
/// arguments keep the owner's order, since the last of two may win.
pub fn image(cluster: &Cluster, catalog: &Catalog, node: &Node) -> Result<Image, TalosRenderError> {
    let mut image = node.image.clone();
    let mut extensions: BTreeSet<String> = image.extensions.into_iter().collect();
    for (_, component) in chosen(cluster, catalog) {
        let requirements = &component?.nodes.talos;
        extensions.extend(requirements.extensions.iter().cloned());
        for argument in &requirements.kernel_args {
            if !image.kernel_args.contains(argument) {
                image.kernel_args.push(argument.clone());
            }
        }
    }
    image.extensions = extensions.into_iter().collect();
    Ok(image)
}

fn chosen<'a>(
    cluster: &'a Cluster,
    catalog: &'a Catalog,
) -> impl Iterator<
    Item = (
        &'a SelectedComponent,
        Result<&'a Component, TalosRenderError>,
    ),
> {
    let selected = cluster.components.iter().chain(&cluster.apps);
    selected.map(|selected| {
        let unknown = || TalosRenderError::UnknownComponent(selected.name.clone());
        (selected, catalog.get(&selected.name).ok_or_else(unknown))
    })
}
