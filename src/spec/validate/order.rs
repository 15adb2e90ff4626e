//! Components in dependency order: each one after everything that it waits for.
//!
//! Among those that could come next, the first by name comes; so the order is a function of the
//! set, not of how the file lists it.

use std::collections::{BTreeMap, BTreeSet};

use super::components::Choice;
use super::{Findings, Scope};
use crate::catalog::Component;
use crate::spec::cluster::SelectedComponent;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;

/// Orders components and applications; reports those that wait for each other.
pub(super) fn ordered(
    components: Vec<Choice<'_>>,
    apps: Vec<Choice<'_>>,
    _scope: Scope<'_>,
    findings: &mut Findings,
) -> (Vec<SelectedComponent>, Vec<SelectedComponent>) {
    let app_names: BTreeSet<String> = apps
        .iter()
        .map(|choice| choice.selected.name.clone())
        .collect();
    let mut choices: BTreeMap<String, Choice<'_>> = components
        .into_iter()
        .chain(apps)
        .map(|choice| (choice.selected.name.clone(), choice))
        .collect();
    let known: Vec<&Component> = choices.values().map(|choice| choice.component).collect();
    let mut waiting: BTreeMap<&str, BTreeSet<&str>> = known
        .iter()
        .map(|component| (component.name.as_str(), waits_for(component, &known)))
        .collect();
    let mut order: Vec<&str> = Vec::new();
    while let Some(next) = next_ready(&waiting) {
        waiting.remove(next);
        for others in waiting.values_mut() {
            others.remove(next);
        }
        order.push(next);
    }
    if !waiting.is_empty() {
        report_cycle(&waiting, &choices, findings);
        order.extend(waiting.keys());
    }
    let order: Vec<String> = order.into_iter().map(str::to_owned).collect();
    order
        .iter()
        .filter_map(|name| choices.remove(name))
        .map(|choice| choice.selected)
        .partition(|selected| !app_names.contains(&selected.name))
}

fn next_ready<'a>(waiting: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<&'a str> {
    waiting
        .iter()
        .find(|(_, others)| others.is_empty())
        .map(|(name, _)| *name)
}

/// Returns the names of what a component waits for, among those that are chosen.
fn waits_for<'a>(component: &Component, known: &[&'a Component]) -> BTreeSet<&'a str> {
    known
        .iter()
        .filter(|other| other.name != component.name)
        .filter(|other| {
            component.depends_on.contains(&other.name)
                || component
                    .needs
                    .iter()
                    .any(|need| other.provides.contains(need))
        })
        .map(|other| other.name.as_str())
        .collect()
}

fn report_cycle(
    waiting: &BTreeMap<&str, BTreeSet<&str>>,
    choices: &BTreeMap<String, Choice<'_>>,
    findings: &mut Findings,
) {
    let names: Vec<_> = waiting.keys().map(|name| format!("`{name}`")).collect();
    let message = format!("{} wait for each other", names.join(", "));
    let mut places = waiting
        .keys()
        .filter_map(|name| choices.get(*name))
        .map(|choice| choice.place);
    let Some(first) = places.next() else { return };
    let mut finding = Diagnostic::new(Code::DependencyCycle, first, message);
    for place in places {
        finding = finding.also(place, "");
    }
    findings
        .add(finding.help("remove one of them, or mend `dependsOn` and `needs` in the catalogue"));
}
