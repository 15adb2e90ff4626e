//! What would change in the machines, line by line, with what each change does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::model::NodeName;
use crate::plan::change::Change;
use crate::plan::{NodeState, Observed, Pending, Plan};

/// Returns the changes of each machine that has any.
pub fn document(observed: &Observed) -> BTreeMap<&NodeName, &Pending> {
    let nodes = observed.nodes.iter();
    nodes
        .filter_map(|(name, state)| match state {
            NodeState::Ours(running) => Some((name, running.pending.as_ref()?)),
            _ => None,
        })
        .collect()
}

/// Words the changes, then the plan.
pub fn text(observed: &Observed, plan: &Plan) -> String {
    let mut text = String::new();
    for (name, pending) in document(observed) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}");
        for change in &pending.changes {
            let _ = writeln!(text, "  {}", line(change));
        }
        if pending.reboots {
            text.push_str("  the machine says that it reboots for this\n");
        }
        text.push('\n');
    }
    if plan.steps.is_empty() && plan.refusals.is_empty() {
        text.push_str("nothing to change: every machine runs what homelab.yaml renders\n");
        return text;
    }
    text.push_str(&plan.to_string());
    text
}

/// Words one change.
pub fn line(change: &Change) -> String {
    let document = match &change.name {
        Some(name) => format!("{} {name}", change.kind),
        None => change.kind.clone(),
    };
    let place = if change.path.is_root() {
        document
    } else {
        format!("{document}: {}", change.path)
    };
    let value = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or("nothing".to_owned(), Value::to_string)
    };
    format!(
        "{place}: {} -> {} ({})",
        value(&change.before),
        value(&change.after),
        change.effect
    )
}
