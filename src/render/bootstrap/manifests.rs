//! The objects of each stage.

use std::collections::BTreeMap;

use serde_json::Value;

use super::runner::ChartRun;
use crate::catalog::{Catalog, Component, Templates, selected};
use crate::render::{ChartRelease, RenderError, namespace};
use crate::spec::Cluster;
use crate::spec::cluster::SelectedComponent;

/// The namespace of the GitOps engine.
pub const GITOPS_NAMESPACE: &str = "flux-system";
/// The Secret in it that holds the age identity, under the key `age.agekey`.
pub const SOPS_AGE_SECRET: &str = "sops-age";
/// The Secret in it that lets Flux read the repository, unless that is public.
pub const GIT_CREDENTIALS_SECRET: &str = "git-credentials";
/// Where that Secret is kept, encrypted.
pub const GIT_CREDENTIALS: &str = "cluster/secrets/flux-operator/git-credentials.sops.yaml";

/// What is applied before Git takes over, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapManifests {
    /// Namespaces that must exist first.
    pub namespaces: Vec<Value>,
    /// The charts that make a node ready: pod network, virtual IP.
    pub network: ChartRun,
    /// The chart of the GitOps engine, which needs a pod network.
    pub operator: ChartRun,
    /// The object that makes the engine follow the repository; its kind comes with the chart.
    pub instance: Vec<Value>,
}

/// Returns what is applied before Git takes over.
pub fn manifests(cluster: &Cluster, catalog: &Catalog) -> Result<BootstrapManifests, RenderError> {
    let templates = Templates::new(cluster);
    let mut namespaces = BTreeMap::new();
    let mut network = Vec::new();
    let mut operator = Vec::new();
    let mut instance = Vec::new();
    for (selected, component) in selected(cluster, catalog).filter(|(_, c)| c.before_git) {
        if namespace::must_be_created(&component.namespace) {
            let object = namespace::object(&component.namespace);
            namespaces.insert(component.namespace.name.clone(), object);
        }
        let release = ChartRelease::of(&templates, component, selected)?;
        if is_gitops_engine(component) {
            operator.extend(release);
            instance.extend(own_kinds(&templates, component, selected)?);
        } else {
            network.extend(release);
        }
    }
    Ok(BootstrapManifests {
        namespaces: namespaces.into_values().collect(),
        network: ChartRun::new("network", network),
        operator: ChartRun::new("gitops", operator),
        instance,
    })
}

fn is_gitops_engine(component: &Component) -> bool {
    component.provides.iter().any(|it| it == "gitops-engine")
}

/// Returns the objects whose kinds the component's own chart defines.
fn own_kinds(
    templates: &Templates,
    component: &Component,
    selected: &SelectedComponent,
) -> Result<Vec<Value>, RenderError> {
    let resources = templates.resources(component, selected)?;
    let objects = resources.into_values().flatten();
    Ok(objects.filter(|it| component.defines_kind_of(it)).collect())
}
