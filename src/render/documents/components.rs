//! Components, applications, and what depends on what.

use std::fmt::Write as _;

use super::markdown::{list, table};
use crate::catalog::{
    Catalog, Category, Component, ExpectedSecret, SecretValue, dependencies, selected,
};
use crate::spec::Cluster;

/// Returns the table of components and applications, in the order they come up.
pub(super) fn list_all(cluster: &Cluster, catalog: &Catalog) -> String {
    let rows: Vec<_> = selected(cluster, catalog)
        .map(|(selected, component)| {
            let folder = if component.is_app() { "apps" } else { "core" };
            let name = &component.name;
            [
                format!("[{name}](../cluster/{folder}/{name})"),
                selected.version.clone(),
                category(component.category).to_owned(),
                component.summary.clone(),
                component.namespace.name.clone(),
                list(dependencies(component, cluster, catalog)),
            ]
        })
        .collect();
    let head = [
        "Name",
        "Version",
        "Part of",
        "What it does",
        "Namespace",
        "Needs",
    ];
    table(head, &rows)
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Network => "network",
        Category::Storage => "storage",
        Category::Identity => "identity",
        Category::Security => "security",
        Category::Observability => "observability",
        Category::Gitops => "GitOps",
        Category::App => "applications",
    }
}

/// Returns the picture of dependencies: what is needed points at what needs it.
pub(super) fn picture(cluster: &Cluster, catalog: &Catalog) -> String {
    let mut text = String::from("```mermaid\ngraph LR\n");
    let mut line = |it: String| writeln!(text, "    {it}").expect("writing to a string");
    for (_, component) in selected(cluster, catalog) {
        line(format!("{}[\"{}\"]", id(&component.name), component.name));
    }
    for (_, component) in selected(cluster, catalog) {
        for needed in dependencies(component, cluster, catalog) {
            line(format!("{} --> {}", id(&needed), id(&component.name)));
        }
    }
    text + "```\n"
}

/// Hyphens and the word `end` mean something to Mermaid.
fn id(name: &str) -> String {
    format!("c_{}", name.replace('-', "_"))
}

/// Returns how the cluster comes up.
pub(super) fn order(cluster: &Cluster, catalog: &Catalog) -> String {
    let before: Vec<_> = names(cluster, catalog, |component| component.before_git);
    let after: Vec<_> = names(cluster, catalog, |component| !component.before_git);
    format!(
        "1. `homelab bootstrap` gives every machine its configuration and starts etcd once.\n\
         2. One Job on the host network installs what must be there before Git: {}.\n\
         3. Flux follows the repository and takes those over, unchanged.\n\
         4. Flux brings the rest, each as soon as what it needs is healthy: {}.\n",
        or_nothing(list(before)),
        or_nothing(list(after)),
    )
}

fn names<'a>(
    cluster: &'a Cluster,
    catalog: &'a Catalog,
    wanted: impl Fn(&Component) -> bool + 'a,
) -> Vec<&'a str> {
    let all = selected(cluster, catalog).filter(move |(_, component)| wanted(component));
    all.map(|(_, component)| component.name.as_str()).collect()
}

fn or_nothing(text: String) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        text
    }
}

/// Returns the table of secrets that people provide.
pub(super) fn secrets(secrets: &[ExpectedSecret]) -> String {
    let rows: Vec<_> = secrets
        .iter()
        .map(|secret| {
            let keys = secret.declaration.keys.iter().map(|key| match &key.value {
                SecretValue::Prompt(_) => format!("`{}`", key.name),
                SecretValue::Random(_) => format!("`{}` (random)", key.name),
            });
            [
                format!("`{}`", secret.file),
                secret.declaration.summary.clone(),
                list(keys),
            ]
        })
        .collect();
    table(["File", "What it is", "Keys"], &rows)
}
