//! What the chosen components ask of machines.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Schematic, TalosRenderError};
use crate::catalog::{Catalog, Component};
use crate::spec::cluster::{Cluster, Distribution, Role, SelectedComponent};

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

/// Returns the customisation of the image: the owner's extensions and kernel arguments and those that
/// components ask for.
///
/// Extensions are sorted, so that the order of components does not make another image; kernel
/// arguments keep the owner's order, since the last of two may win.
pub(super) fn schematic(
    cluster: &Cluster,
    catalog: &Catalog,
) -> Result<Schematic, TalosRenderError> {
    let Distribution::Talos(talos) = &cluster.distribution;
    let mut extensions: BTreeSet<String> = talos.extensions.iter().cloned().collect();
    let mut kernel_args = talos.kernel_args.clone();
    for (_, component) in chosen(cluster, catalog) {
        let requirements = &component?.nodes.talos;
        extensions.extend(requirements.extensions.iter().cloned());
        for argument in &requirements.kernel_args {
            if !kernel_args.contains(argument) {
                kernel_args.push(argument.clone());
            }
        }
    }
    Ok(Schematic {
        extensions: extensions.into_iter().collect(),
        kernel_args,
    })
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
