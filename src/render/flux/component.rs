//! One component's folder: `ks.yaml` for Flux, `app/` with what it installs, `config/` with the
//! objects whose kinds exist only once `app/` runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::CONFIG;
use super::objects::{FluxKustomization, WhenRemoved, file_list};
use super::release;
use crate::catalog::{Catalog, Component, Templates, dependencies};
use crate::model::FileTree;
use crate::render::marker::yaml_file;
use crate::render::{ChartRelease, RenderError, namespace};
use crate::spec::Cluster;
use crate::spec::cluster::SelectedComponent;

/// What a component's folder depends on besides itself.
pub(super) struct Context<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) catalog: &'a Catalog,
    pub(super) templates: &'a Templates,
    /// Whether the component expects secrets.
    pub(super) has_secrets: bool,
}

/// Files of a stage: name to objects.
type Stage = BTreeMap<String, Vec<Value>>;

/// Returns the folder of a component.
pub(super) fn folder(component: &Component) -> String {
    let group = if component.is_app() { "apps" } else { "core" };
    format!("cluster/{group}/{}", component.name)
}

pub(super) fn secrets_name(component: &str) -> String {
    format!("{component}-secrets")
}

fn config_name(component: &str) -> String {
    format!("{component}-config")
}

pub(super) fn render(
    context: &Context<'_>,
    component: &Component,
    selected: &SelectedComponent,
) -> Result<FileTree, RenderError> {
    let (app, config) = stages(context, component, selected)?;
    let folder = folder(component);
    let mut kustomizations = Vec::new();
    if context.has_secrets {
        kustomizations.push(secrets_kustomization(component));
    }
    kustomizations.push(app_kustomization(context, component)?);
    let mut tree = FileTree::default();
    add_stage(&mut tree, &format!("{folder}/app"), &app);
    if !config.is_empty() {
        kustomizations.push(config_kustomization(component));
        add_stage(&mut tree, &format!("{folder}/config"), &config);
    }
    let objects: Vec<_> = kustomizations
        .iter()
        .map(FluxKustomization::object)
        .collect();
    tree.add(format!("{folder}/ks.yaml"), yaml_file(&objects));
    Ok(tree)
}

/// Splits what a component brings: what can be applied at once, and what needs its definitions.
fn stages(
    context: &Context<'_>,
    component: &Component,
    selected: &SelectedComponent,
) -> Result<(Stage, Stage), RenderError> {
    let (mut app, mut config) = (Stage::new(), Stage::new());
    if let Some(release) = ChartRelease::of(context.templates, component, selected)? {
        for (name, object) in release::files(&release) {
            app.entry(name.to_owned()).or_default().push(object);
        }
    }
    for (name, objects) in context.templates.resources(component, selected)? {
        for object in objects {
            let stage = if component.defines_kind_of(&object) {
                &mut config
            } else {
                &mut app
            };
            stage.entry(name.clone()).or_default().push(object);
        }
    }
    Ok((app, config))
}

fn has_config(context: &Context<'_>, name: &str) -> Result<bool, RenderError> {
    let mut all = crate::catalog::selected(context.cluster, context.catalog);
    match all.find(|(_, component)| component.name == name) {
        Some((selected, component)) => Ok(!stages(context, component, selected)?.1.is_empty()),
        None => Ok(false),
    }
}

fn add_stage(tree: &mut FileTree, folder: &str, stage: &Stage) {
    for (name, objects) in stage {
        tree.add(format!("{folder}/{name}"), yaml_file(objects));
    }
    let names = file_list(stage.keys().map(String::as_str));
    tree.add(format!("{folder}/kustomization.yaml"), yaml_file([&names]));
}

fn secrets_kustomization(component: &Component) -> FluxKustomization {
    let path = format!("cluster/secrets/{}", component.name);
    let mut secrets = FluxKustomization::new(secrets_name(&component.name), path);
    secrets.depends_on = vec![CONFIG.to_owned()];
    secrets.is_encrypted = true;
    secrets
}

fn app_kustomization(
    context: &Context<'_>,
    component: &Component,
) -> Result<FluxKustomization, RenderError> {
    let path = format!("{}/app", folder(component));
    let mut app = FluxKustomization::new(&component.name, path);
    // Namespaces are there, and the settings that applications take.
    if namespace::must_be_created(&component.namespace) || component.is_app() {
        app.depends_on.push(CONFIG.to_owned());
    }
    if context.has_secrets {
        app.depends_on.push(secrets_name(&component.name));
    }
    for name in dependencies(component, context.cluster, context.catalog) {
        let last = if has_config(context, &name)? {
            config_name(&name)
        } else {
            name
        };
        app.depends_on.push(last);
    }
    app.depends_on.sort();
    app.takes_settings = component.is_app();
    app.when_removed = when_removed(component);
    Ok(app)
}

fn config_kustomization(component: &Component) -> FluxKustomization {
    let path = format!("{}/config", folder(component));
    let mut config = FluxKustomization::new(config_name(&component.name), path);
    config.depends_on = vec![component.name.clone()];
    config.when_removed = when_removed(component);
    config.health_checks = component
        .health_checks
        .iter()
        .map(|check| serde_json::to_value(check).expect("plain text always serialises"))
        .collect();
    config
}

fn when_removed(component: &Component) -> WhenRemoved {
    if component.before_git {
        WhenRemoved::Keep
    } else {
        WhenRemoved::Delete
    }
}
