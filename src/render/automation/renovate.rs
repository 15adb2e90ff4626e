//! Renovate: it finds versions in homelab.yaml and nowhere else, since everything else follows.

use serde_json::{Value, json};

use crate::catalog::{Catalog, ChartSource, Component, Templates, selected};
use crate::model::FileTree;
use crate::render::marker::SENTENCE;
use crate::render::{ChartRelease, RenderError};
use crate::spec::Cluster;
use crate::spec::cluster::{Distribution, SelectedComponent};

/// The value of `version:` right inside the mapping whose key precedes, inline or in a block.
const VERSION: &str =
    r#": *(?:\{[^}]*?|(?:\n {6,}[^\n]*)*?\n {6,})version: *["']?(?<currentValue>[^\s"',}]+)"#;

pub(super) fn render(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, RenderError> {
    let mut managers = vec![platform(r"\n +kubernetes", "kubernetes/kubernetes")];
    match cluster.distribution {
        Distribution::Talos(_) => managers.push(platform(r"\n +talos", "siderolabs/talos")),
    }
    let templates = Templates::new(cluster);
    let mut releases = Vec::new();
    for (selected, component) in selected(cluster, catalog) {
        releases.extend(ChartRelease::of(&templates, component, selected)?);
    }
    releases.sort_by(|a, b| a.component.cmp(&b.component));
    managers.extend(releases.iter().map(chart));
    managers.extend(selected(cluster, catalog).filter_map(image));
    let configuration = json!({
        "$schema": "https://docs.renovatebot.com/renovate-schema.json",
        "extends": ["config:recommended"],
        "ignorePaths": [
            "bootstrap/**",
            "cluster/**",
            "infrastructure/**",
            "**/node_modules/**",
            "**/tests/**",
            "**/examples/**",
        ],
        "customManagers": managers,
    });
    let text = serde_json::to_string_pretty(&configuration).expect("plain values always emit");
    let mut tree = FileTree::default();
    tree.add("renovate.json5", format!("// {SENTENCE}\n{text}\n"));
    Ok(tree)
}

fn manager(key: &str, name: &str, source: &str) -> Value {
    json!({
        "customType": "regex",
        "managerFilePatterns": [r"/^homelab\.yaml$/"],
        "matchStrings": [format!("{key}{VERSION}")],
        "depNameTemplate": name,
        "datasourceTemplate": source,
    })
}

fn platform(key: &str, repository: &str) -> Value {
    // Kubernetes stands at the level of `spec`, and so its version at four spaces.
    let mut manager = manager(key, repository, "github-releases");
    let pattern = format!("{key}{}", VERSION.replace("{6,}", "{4,}"));
    manager["matchStrings"] = json!([pattern]);
    manager
}

fn chart(release: &ChartRelease) -> Value {
    let key = format!(r"\n {{4}}{}", release.component);
    match &release.source {
        ChartSource::Oci(url) => manager(&key, url.trim_start_matches("oci://"), "docker"),
        ChartSource::Helm(url) => {
            let mut manager = manager(&key, &release.chart, "helm");
            manager["registryUrlTemplate"] = json!(url);
            manager
        }
    }
}

/// The image of a component that has no chart.
fn image((_, component): (&SelectedComponent, &Component)) -> Option<Value> {
    let key = format!(r"\n {{4}}{}", component.name);
    Some(manager(&key, component.image.as_ref()?, "docker"))
}
