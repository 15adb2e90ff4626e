//! One chart as this cluster installs it: the single source for the chart runner and for Flux.
//!
//! Both install from the same value, so that Flux finds the release that the runner left and has
//! nothing to change in it.

use serde_json::{Map, Value};

use crate::catalog::{ChartSource, Component, Templates};
use crate::render::{RenderError, reference};
use crate::spec::cluster::SelectedComponent;

/// A chart with everything that decides what it installs.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartRelease {
    /// The component it belongs to; also the name of its HelmRelease in Git.
    pub component: String,
    /// The Helm release's name.
    pub release: String,
    /// The namespace of the release and of its HelmRelease.
    pub namespace: String,
    /// The chart's name.
    pub chart: String,
    /// The repository it comes from.
    pub source: ChartSource,
    /// The chart's version, exactly.
    pub version: String,
    /// The values.
    pub values: Map<String, Value>,
}

impl ChartRelease {
    /// Returns the release of a component, or nothing when it has no chart.
    pub fn of(
        templates: &Templates,
        component: &Component,
        selected: &SelectedComponent,
    ) -> Result<Option<Self>, RenderError> {
        let Some(chart) = &component.chart else {
            return Ok(None);
        };
        let values = templates.values(component, selected)?;
        refuse_secrets(component, &values)?;
        Ok(Some(Self {
            component: component.name.clone(),
            release: chart.name.clone(),
            namespace: component.namespace.name.clone(),
            chart: chart.name.clone(),
            source: source(&chart.source, selected),
            version: selected.version.clone(),
            values,
        }))
    }
}

/// A chart may have a setting of that name itself; only what names a file and a place in it is ours.
fn refuse_secrets(component: &Component, values: &Map<String, Value>) -> Result<(), RenderError> {
    let found = reference::references(&[Value::Object(values.clone())]);
    match found.unwrap_or_default().pop_first() {
        Some(reference) => Err(RenderError::SecretInValues {
            component: component.name.clone(),
            reference,
        }),
        None => Ok(()),
    }
}

/// The owner's redirection wins over the catalogue's repository.
fn source(catalog: &ChartSource, selected: &SelectedComponent) -> ChartSource {
    match &selected.chart_url {
        Some(url) if url.starts_with("oci://") => ChartSource::Oci(url.clone()),
        Some(url) => ChartSource::Helm(url.clone()),
        None => catalog.clone(),
    }
}
