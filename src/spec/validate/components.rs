//! The components and applications that a cluster uses, each with its version and options.

use semver::VersionReq;
use serde_json::{Map, Value};

use super::{Findings, Scope, not_yet, options};
use crate::catalog::{Chart, Component};
use crate::model::Version;
use crate::spec::cluster::SelectedComponent;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::suggest::closest;
use crate::yaml::{Entry, Span};

/// The two lists of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `components:`
    Components,
    /// `apps:`
    Apps,
}

/// A component that the catalogue knows, and the place of its name.
pub(super) struct Choice<'a> {
    /// The catalogue's entry.
    pub(super) component: &'a Component,
    /// What the cluster makes of it.
    pub(super) selected: SelectedComponent,
    /// Where its name stands.
    pub(super) place: Span,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Self::Components => "components",
            Self::Apps => "apps",
        }
    }

    fn of(component: &Component) -> Self {
        if component.is_app() {
            Self::Apps
        } else {
            Self::Components
        }
    }
}

/// Returns the entries of a section, as they stand in the file.
pub(super) fn entries(section: Section, scope: Scope<'_>) -> &[Entry] {
    let spec = scope.root.get("spec");
    let node = spec.and_then(|spec| spec.get(section.key()));
    node.map(crate::yaml::Node::entries).unwrap_or_default()
}

/// Looks every entry of a section up in the catalogue.
pub(super) fn selection<'a>(
    section: Section,
    scope: Scope<'a>,
    findings: &mut Findings,
) -> Vec<Choice<'a>> {
    let entries = entries(section, scope);
    entries
        .iter()
        .filter_map(|entry| choice(entry, section, scope, findings))
        .collect()
}

fn choice<'a>(
    entry: &Entry,
    section: Section,
    scope: Scope<'a>,
    findings: &mut Findings,
) -> Option<Choice<'a>> {
    let Some(component) = scope.catalog.get(&entry.key) else {
        unknown(entry, section, scope, findings);
        return None;
    };
    if Section::of(component) != section {
        let right = Section::of(component).key();
        let message = format!("`{}` does not belong under `{}`", entry.key, section.key());
        let finding = Diagnostic::new(Code::WrongSection, entry.key_span, message)
            .help(format!("move it to `{right}`"));
        findings.add(finding);
    }
    let text = |key: &str| entry.value.get(key).and_then(|node| node.as_str());
    let values = entry.value.get("values").map(crate::yaml::Node::to_value);
    let chart = entry.value.get("chart").and_then(|chart| chart.get("url"));
    let selected = SelectedComponent {
        name: entry.key.clone(),
        version: version(entry, component, scope, findings),
        chart_url: chart.and_then(|url| url.as_str()).map(str::to_owned),
        options: options::complete(entry, component, findings),
        values: mapping(values),
    };
    if component.chart.is_none() && (text("version").is_some() || chart.is_some()) {
        without_chart(entry, component, findings);
    }
    Some(Choice {
        component,
        selected,
        place: entry.key_span,
    })
}

fn mapping(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(entries)) => entries,
        _ => Map::new(),
    }
}

fn unknown(entry: &Entry, section: Section, scope: Scope<'_>, findings: &mut Findings) {
    let name = entry.key.as_str();
    let what = if section == Section::Apps {
        "application"
    } else {
        "component"
    };
    if not_yet::is_planned(name) {
        let message = format!("the {what} `{name}` is not there yet");
        let finding = Diagnostic::new(Code::ComponentNotYet, entry.key_span, message)
            .help("remove it for now; a later release brings it");
        findings.add(finding);
        return;
    }
    let message = format!("the catalogue has no {what} `{name}`");
    let finding = Diagnostic::new(Code::UnknownComponent, entry.key_span, message);
    let fitting: Vec<_> = scope
        .catalog
        .iter()
        .filter(|component| Section::of(component) == section)
        .map(|component| component.name.as_str())
        .collect();
    findings.add(
        match closest(name, scope.catalog.names().chain(not_yet::planned())) {
            Some(close) => finding.help(format!("did you mean `{close}`?")),
            None => finding.help(format!("it has {}", fitting.join(", "))),
        },
    );
}

/// Returns the pinned version, or the catalogue's with a warning.
fn version(
    entry: &Entry,
    component: &Component,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> String {
    let known = component.catalog_version();
    if component.chart.is_none() && component.image.is_none() {
        return known.to_owned();
    }
    let pinned = entry.value.get("version");
    let Some((node, text)) = pinned.and_then(|node| Some((node, node.as_str()?))) else {
        if scope.lost("version", entry.value.span) {
            return known.to_owned();
        }
        let message = format!("`{}` has no pinned version", entry.key);
        let finding = Diagnostic::new(Code::UnpinnedVersion, entry.key_span, message)
            .label(format!(
                "this build would take {known}, another build another"
            ))
            .help(format!("add `version: {known}`"));
        findings.add(finding);
        return known.to_owned();
    };
    match (text.parse::<Version>(), &component.chart) {
        (Err(error), _) => findings.invalid(node.span, error.to_string()),
        (Ok(version), Some(chart)) => supported(entry, chart, &version, text, node.span, findings),
        (Ok(_), None) => {}
    }
    text.to_owned()
}

fn supported(
    entry: &Entry,
    chart: &Chart,
    version: &Version,
    text: &str,
    span: Span,
    findings: &mut Findings,
) {
    let range = VersionReq::parse(&chart.supports).unwrap_or(VersionReq::STAR);
    if text == chart.version || range.matches(version.as_semver()) {
        return;
    }
    let message = format!("this build does not support {} {text}", entry.key);
    let finding = Diagnostic::new(Code::UnsupportedVersion, span, message)
        .label(format!(
            "supported are {}; the catalogue was written for {}",
            chart.supports, chart.version
        ))
        .help(format!(
            "pin {}, or use a build whose catalogue supports {text}",
            chart.version
        ));
    findings.add(finding);
}

fn without_chart(entry: &Entry, component: &Component, findings: &mut Findings) {
    for key in ["version", "chart"] {
        if key == "version" && component.image.is_some() {
            continue;
        }
        if let Some(entry) = entry.value.entry(key) {
            let message = format!("`{}` has no chart, and so no `{key}`", component.name);
            let finding = Diagnostic::new(Code::UnknownKey, entry.key_span, message);
            findings.add(finding.help(format!("remove `{key}`")));
        }
    }
}
