//! `cluster/flux/`: where Flux starts, and the lists of all components and applications.

use super::config;
use super::objects::file_list;
use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::marker::yaml_file;
use crate::spec::Cluster;
use crate::spec::cluster::SelectedComponent;

/// The folder that the FluxInstance synchronises.
pub const ENTRY_PATH: &str = "cluster/flux";

pub(super) fn render(cluster: &Cluster, catalog: &Catalog) -> FileTree {
    let mut tree = FileTree::default();
    let mut entries = vec!["config.yaml".to_owned()];
    for (group, members) in [("apps", &cluster.apps), ("core", &cluster.components)] {
        let names = known(members, catalog);
        if names.is_empty() {
            continue;
        }
        let list = file_list(names.iter().map(|name| format!("{name}/ks.yaml")));
        tree.add(
            format!("cluster/{group}/kustomization.yaml"),
            yaml_file([&list]),
        );
        entries.push(format!("../{group}"));
    }
    let list = file_list(entries);
    tree.add(
        format!("{ENTRY_PATH}/kustomization.yaml"),
        yaml_file([&list]),
    );
    tree.add(
        format!("{ENTRY_PATH}/config.yaml"),
        yaml_file([&config::kustomization()]),
    );
    tree
}

fn known<'a>(members: &'a [SelectedComponent], catalog: &Catalog) -> Vec<&'a str> {
    let names = members.iter().map(|member| member.name.as_str());
    let mut names: Vec<_> = names.filter(|name| catalog.get(name).is_some()).collect();
    names.sort_unstable();
    names
}
