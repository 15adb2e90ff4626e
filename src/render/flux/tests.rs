//! The Flux tree of the reference cluster.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::*;
use crate::catalog::tests::reference_cluster;
use crate::render::bootstrap;
use crate::yaml;

fn tree_of(cluster: &Cluster) -> FileTree {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    render(cluster, &catalog).expect("renders")
}

fn documents(tree: &FileTree, path: &str) -> Vec<Value> {
    let file = tree
        .get(path)
        .unwrap_or_else(|| panic!("{path} is missing"));
    let text = std::str::from_utf8(&file.bytes).expect("text");
    yaml::parse_documents(text).expect("YAML")
}

/// Every Flux Kustomization of the tree, by name.
fn kustomizations(tree: &FileTree) -> BTreeMap<String, Value> {
    let files = tree.iter().filter(|(path, _)| {
        path.ends_with("ks.yaml") || *path == Utf8Path::new("cluster/flux/config.yaml")
    });
    files
        .flat_map(|(path, _)| documents(tree, path.as_str()))
        .map(|it| {
            (
                it["metadata"]["name"].as_str().expect("a name").to_owned(),
                it,
            )
        })
        .collect()
}

#[test]
fn the_tree_holds_these_files() {
    let tree = tree_of(&reference_cluster());
    let paths: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
    insta::assert_snapshot!(paths.join("\n"), @r##"
    cluster/apps/demo/app/demo.yaml
    cluster/apps/demo/app/kustomization.yaml
    cluster/apps/demo/ks.yaml
    cluster/apps/kustomization.yaml
    cluster/config/cluster-settings.yaml
    cluster/config/kustomization.yaml
    cluster/config/namespaces.yaml
    cluster/core/cert-manager/app/helmrelease.yaml
    cluster/core/cert-manager/app/kustomization.yaml
    cluster/core/cert-manager/app/ocirepository.yaml
    cluster/core/cert-manager/config/issuers.yaml
    cluster/core/cert-manager/config/kustomization.yaml
    cluster/core/cert-manager/ks.yaml
    cluster/core/cilium/app/helmrelease.yaml
    cluster/core/cilium/app/kustomization.yaml
    cluster/core/cilium/app/ocirepository.yaml
    cluster/core/cilium/config/kustomization.yaml
    cluster/core/cilium/config/load-balancer.yaml
    cluster/core/cilium/ks.yaml
    cluster/core/flux-operator/app/helmrelease.yaml
    cluster/core/flux-operator/app/kustomization.yaml
    cluster/core/flux-operator/app/ocirepository.yaml
    cluster/core/flux-operator/config/flux-instance.yaml
    cluster/core/flux-operator/config/kustomization.yaml
    cluster/core/flux-operator/ks.yaml
    cluster/core/kube-vip/app/helmrelease.yaml
    cluster/core/kube-vip/app/helmrepository.yaml
    cluster/core/kube-vip/app/kustomization.yaml
    cluster/core/kube-vip/ks.yaml
    cluster/core/kustomization.yaml
    cluster/flux/config.yaml
    cluster/flux/kustomization.yaml
    cluster/secrets/cert-manager/kustomization.yaml
    "##);
}

#[test]
fn kustomizations_depend_on_each_other_without_a_cycle() {
    let all = kustomizations(&tree_of(&reference_cluster()));
    let mut lines = Vec::new();
    let mut ready = BTreeSet::new();
    while ready.len() < all.len() {
        let next: Vec<_> = all
            .iter()
            .filter(|(name, it)| {
                let needs = it["spec"]["dependsOn"].as_array().into_iter().flatten();
                let mut needs = needs.map(|need| need["name"].as_str().expect("a name"));
                !ready.contains(*name) && needs.all(|need| ready.contains(need))
            })
            .map(|(name, _)| name.clone())
            .collect();
        assert!(
            !next.is_empty(),
            "a cycle or an unknown name among {:?}",
            all.keys()
        );
        lines.push(next.join(" "));
        ready.extend(next);
    }
    insta::assert_snapshot!(lines.join("\n"), @r##"
    cilium cluster-config kube-vip
    cert-manager-secrets cilium-config
    cert-manager demo flux-operator
    cert-manager-config flux-operator-config
    "##);
}

#[test]
fn folders_list_exactly_the_files_beside_them() {
    let tree = tree_of(&reference_cluster());
    let mut listed = BTreeSet::new();
    for (path, _) in tree
        .iter()
        .filter(|(path, _)| path.ends_with("kustomization.yaml"))
    {
        let folder = path.parent().expect("in a folder");
        for document in documents(&tree, path.as_str()) {
            for resource in document["resources"].as_array().expect("a list") {
                let target = normal(&folder.join(resource.as_str().expect("a path")));
                let is_secret = target.as_str().ends_with(".sops.yaml");
                let is_folder = tree.get(target.join("kustomization.yaml")).is_some();
                assert!(
                    is_secret || is_folder || tree.get(&target).is_some(),
                    "{path} lists {target}"
                );
                listed.insert(target);
            }
        }
    }
    for (path, _) in tree
        .iter()
        .filter(|(path, _)| !path.ends_with("kustomization.yaml"))
    {
        assert!(listed.contains(path), "nothing lists {path}");
    }
    for (name, it) in kustomizations(&tree) {
        let path = it["spec"]["path"]
            .as_str()
            .expect("a path")
            .trim_start_matches("./");
        assert!(
            tree.get(format!("{path}/kustomization.yaml")).is_some(),
            "{name}: {path}"
        );
    }
}

fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts = Vec::new();
    for part in path {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.into_iter().collect()
}

#[test]
fn flux_finds_the_releases_that_the_chart_runner_left() {
    let cluster = reference_cluster();
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    let tree = tree_of(&cluster);
    let manifests = bootstrap::manifests(&cluster, &catalog).expect("renders");
    let runs = [manifests.network, manifests.operator];
    for release in runs.iter().flat_map(|run| &run.releases) {
        let folder = format!("cluster/core/{}/app", release.component);
        let flux = &documents(&tree, &format!("{folder}/helmrelease.yaml"))[0];
        assert_eq!(flux["metadata"]["namespace"], release.namespace);
        assert_eq!(flux["spec"]["releaseName"], release.release);
        assert_eq!(
            flux["spec"]["values"],
            Value::Object(release.values.clone())
        );
        assert_eq!(
            flux["spec"]["install"]["strategy"]["name"],
            "RetryOnFailure"
        );
        let version = if let Some(version) = flux["spec"]["chart"]["spec"]["version"].as_str() {
            version.to_owned()
        } else {
            let source = &documents(&tree, &format!("{folder}/ocirepository.yaml"))[0];
            source["spec"]["ref"]["tag"]
                .as_str()
                .expect("a tag")
                .to_owned()
        };
        assert_eq!(version, release.version);
    }
    let instance = documents(
        &tree,
        "cluster/core/flux-operator/config/flux-instance.yaml",
    );
    assert_eq!(instance, manifests.instance);
    assert_eq!(instance[0]["spec"]["sync"]["path"], ENTRY_PATH);
}

#[test]
fn only_what_came_before_git_survives_its_removal_from_git() {
    let all = kustomizations(&tree_of(&reference_cluster()));
    let kept = all
        .iter()
        .filter(|(_, it)| it["spec"]["deletionPolicy"] == "Orphan");
    let kept: Vec<_> = kept.map(|(name, _)| name.as_str()).collect();
    let expected = [
        "cilium",
        "cilium-config",
        "flux-operator",
        "flux-operator-config",
        "kube-vip",
    ];
    assert_eq!(kept, expected);
}

#[test]
fn a_mirror_replaces_the_charts_repository() {
    let mut cluster = reference_cluster();
    let mirror = "oci://registry.homelab.local/charts/kube-vip";
    cluster.components[0].chart_url = Some(mirror.to_owned());
    let tree = tree_of(&cluster);
    let source = &documents(&tree, "cluster/core/kube-vip/app/ocirepository.yaml")[0];
    assert_eq!(source["spec"]["url"], mirror);
    assert_eq!(source["spec"]["ref"], json!({"tag": "0.9.9"}));
    assert!(
        tree.get("cluster/core/kube-vip/app/helmrepository.yaml")
            .is_none()
    );
}

#[test]
fn the_order_of_components_does_not_reach_the_tree() {
    let mut shuffled = reference_cluster();
    shuffled.components.reverse();
    assert_eq!(tree_of(&shuffled), tree_of(&reference_cluster()));
}

#[test]
fn a_cluster_without_applications_has_no_folder_for_them() {
    let mut cluster = reference_cluster();
    cluster.apps.clear();
    let tree = tree_of(&cluster);
    assert!(
        !tree
            .iter()
            .any(|(path, _)| path.starts_with("cluster/apps"))
    );
    let entry = &documents(&tree, "cluster/flux/kustomization.yaml")[0];
    assert_eq!(entry["resources"], json!(["config.yaml", "../core"]));
}
