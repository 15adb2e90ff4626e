//! Images that rendered Kubernetes objects name: those of components without a chart, of what bootstrap runs,
//! and of Flux.

use std::collections::BTreeSet;

use camino::Utf8Path;
use serde_json::Value;

use super::inventory::{Images, Open};
use crate::catalog::Catalog;
use crate::model::FileTree;
use crate::render::{RenderError, bootstrap, flux};
use crate::spec::Cluster;
use crate::spec::cluster::Arch;
use crate::yaml;

/// Lists the images of everything that is rendered for Kubernetes.
pub(super) fn list(
    cluster: &Cluster,
    catalog: &Catalog,
    images: &mut Images,
    open: &mut BTreeSet<Open>,
) -> Result<(), RenderError> {
    let architectures: BTreeSet<Arch> = cluster.nodes.iter().map(|node| node.arch).collect();
    let mut tree = FileTree::default();
    tree.extend(flux::render(cluster, catalog)?);
    tree.extend(bootstrap::files(cluster, catalog)?);
    for (path, file) in tree.iter() {
        if path.extension() != Some("yaml") {
            continue;
        }
        let owner = owner(path);
        let text = String::from_utf8_lossy(&file.bytes);
        // What is rendered here is valid; a file that were not would have no object in it.
        for object in yaml::parse_documents(&text).unwrap_or_default() {
            of_containers(&object, &mut |image| {
                images.add(image, owner, architectures.iter().copied());
            });
            of_flux(&object, owner, open);
        }
    }
    Ok(())
}

/// Who a rendered file belongs to: the component whose folder it is in, or bootstrap.
fn owner(path: &Utf8Path) -> &str {
    let parts: Vec<_> = path.iter().collect();
    match parts.as_slice() {
        ["cluster", "core" | "apps", component, _, ..] => component,
        ["bootstrap", ..] => "bootstrap",
        _ => "Git",
    }
}

/// Visits the image of every container, wherever a pod is described.
fn of_containers(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                if matches!(key.as_str(), "containers" | "initContainers") {
                    let containers = value.as_array().into_iter().flatten();
                    containers
                        .filter_map(|container| container["image"].as_str())
                        .for_each(&mut *visit);
                }
                of_containers(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| of_containers(item, visit)),
        _ => {}
    }
}

/// The controllers that flux-operator installs, whose tags it knows.
fn of_flux(object: &Value, owner: &str, open: &mut BTreeSet<Open>) {
    if object["kind"] != "FluxInstance" {
        return;
    }
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let registry = text("/spec/distribution/registry");
    let version = text("/spec/distribution/version");
    let controllers = object.pointer("/spec/components").and_then(Value::as_array);
    for controller in controllers.into_iter().flatten().filter_map(Value::as_str) {
        // The same object is part of bootstrap.
        let needed_by = if owner == "bootstrap" {
            "flux-operator"
        } else {
            owner
        };
        open.insert(Open {
            repository: format!("{registry}/{controller}"),
            needed_by: needed_by.to_owned(),
            reason: format!("flux-operator takes the tag that Flux {version} has"),
        });
    }
}
