//! How the components of one cluster relate: which come first, which secrets they expect.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::component::{Catalog, Component, SecretDeclaration};
use super::template::{TemplateError, Templates};
use crate::spec::Cluster;
use crate::spec::cluster::SelectedComponent;

/// A secret that a component of this cluster expects.
#[derive(Clone, Debug)]
pub struct ExpectedSecret {
    /// The component.
    pub component: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// What the catalogue says about it.
    pub declaration: SecretDeclaration,
    /// The encrypted file, relative to the repository's root.
    pub file: Utf8PathBuf,
}

/// Iterates over the cluster's components and applications that the catalogue knows, in dependency
/// order, components first.
pub fn selected<'a>(
    cluster: &'a Cluster,
    catalog: &'a Catalog,
) -> impl Iterator<Item = (&'a SelectedComponent, &'a Component)> {
    let all = cluster.components.iter().chain(&cluster.apps);
    all.filter_map(|selected| Some((selected, catalog.get(&selected.name)?)))
}

/// Returns the names of the cluster's components that must be ready before this one, sorted.
pub fn dependencies(component: &Component, cluster: &Cluster, catalog: &Catalog) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (_, other) in selected(cluster, catalog) {
        let is_named = component.depends_on.contains(&other.name);
        let provides = |need: &String| other.provides.contains(need);
        let is_provider = component.needs.iter().any(provides);
        if other.name != component.name && (is_named || is_provider) {
            names.insert(other.name.clone());
        }
    }
    names.into_iter().collect()
}

/// Returns every secret that the cluster's components expect, sorted by component and name.
pub fn expected_secrets(
    cluster: &Cluster,
    catalog: &Catalog,
) -> Result<Vec<ExpectedSecret>, TemplateError> {
    let templates = Templates::new(cluster);
    let mut secrets = Vec::new();
    for (usage, component) in selected(cluster, catalog) {
        for declaration in &component.secrets {
            let expected = match &declaration.when {
                Some(condition) => templates.holds(condition, component, usage)?,
                None => true,
            };
            if expected {
                secrets.push(ExpectedSecret {
                    component: component.name.clone(),
                    namespace: component.namespace.name.clone(),
                    declaration: declaration.clone(),
                    file: Utf8PathBuf::from("cluster/secrets")
                        .join(&component.name)
                        .join(format!("{}.sops.yaml", declaration.name)),
                });
            }
        }
    }
    secrets.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(secrets)
}
