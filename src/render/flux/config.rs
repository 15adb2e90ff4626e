//! `cluster/config/`: namespaces, and the cluster's settings for applications.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::objects::{FluxKustomization, file_list};
use crate::catalog::{Catalog, selected};
use crate::model::FileTree;
use crate::render::bootstrap::GITOPS_NAMESPACE;
use crate::render::marker::yaml_file;
use crate::render::namespace;
use crate::spec::Cluster;

/// The Flux Kustomization that everything with a namespace of its own waits for.
pub(super) const CONFIG: &str = "cluster-config";
/// The ConfigMap whose values applications may use as `${NAME}`.
pub(super) const SETTINGS: &str = "cluster-settings";
const PATH: &str = "cluster/config";

pub(super) fn kustomization() -> Value {
    FluxKustomization::new(CONFIG, PATH).object()
}

pub(super) fn render(cluster: &Cluster, catalog: &Catalog) -> FileTree {
    let namespaces = namespaces(cluster, catalog);
    let mut files = vec![("cluster-settings.yaml", vec![settings(cluster)])];
    if !namespaces.is_empty() {
        files.push(("namespaces.yaml", namespaces));
    }
    let mut tree = FileTree::default();
    let list = file_list(files.iter().map(|(name, _)| *name));
    tree.add(format!("{PATH}/kustomization.yaml"), yaml_file([&list]));
    for (name, objects) in files {
        tree.add(format!("{PATH}/{name}"), yaml_file(&objects));
    }
    tree
}

/// Every component's namespace but those that exist before Flux does.
fn namespaces(cluster: &Cluster, catalog: &Catalog) -> Vec<Value> {
    let mut namespaces = BTreeMap::new();
    for (_, component) in selected(cluster, catalog) {
        let namespace = &component.namespace;
        if namespace::must_be_created(namespace) && namespace.name != GITOPS_NAMESPACE {
            namespaces.insert(&namespace.name, namespace::object(namespace));
        }
    }
    namespaces.into_values().collect()
}

fn settings(cluster: &Cluster) -> Value {
    let mut data = Map::new();
    let mut set = |name: &str, value: String| data.insert(name.to_owned(), value.into());
    set("CLUSTER_NAME", cluster.name.to_string());
    set("CLUSTER_DOMAIN", cluster.network.cluster_domain.clone());
    set("API_HOST", cluster.control_plane.endpoint.host.clone());
    if let Some(domain) = &cluster.network.domain {
        set("LAB_DOMAIN", domain.clone());
    }
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": SETTINGS, "namespace": GITOPS_NAMESPACE},
        "data": data,
    })
}
