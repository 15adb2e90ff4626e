//! What the owner's patches come to on the nodes that they are for: those that cannot be applied, that
//! stand against the spec, that Talos refuses, and traps.
//!
//! Patches are applied [one after the other](walk) as rendering does, going on after one that cannot be.
//! Each rule then looks at one patch, or one operation of it, knowing the documents before, after, and at
//! the end. What holds on several nodes is said once, at its place in the patch.

mod beside;
mod form;
mod guarded;
mod links;
mod place;
mod refused;
mod schema;
mod secrets;
mod traps;
mod walk;

pub use refused::{Machine, Mode, refusals};
pub use secrets::{PatchSecret, patch_secrets};

use serde_json::Value;

use super::Contract;
use super::layers::patches;
use crate::catalog::Catalog;
use crate::model::LeafPath;
use crate::spec::cluster::{Cluster, Node, Patch};
use crate::spec::{Code, Diagnostic};

/// What rules look at.
struct Subject<'a> {
    cluster: &'a Cluster,
    node: &'a Node,
    contract: Contract,
    /// The documents of the node without this patch and those after it.
    before: &'a [Value],
    /// The documents with it.
    after: &'a [Value],
    /// What Talos refuses of the former, of the latter, and of the finished ones.
    refused: [&'a [refused::Refusal]; 3],
    /// The finished documents of the node.
    documents: &'a [Value],
    /// The patch; an operation as the part of a document that it writes.
    patch: &'a Value,
    /// Whether it is an operation.
    is_operation: bool,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    code: Code,
    message: String,
    label: String,
    help: String,
    /// Where in the patch, as far down as it has it.
    path: LeafPath,
}

type Rule = fn(&Subject<'_>) -> Vec<Finding>;

const RULES: &[Rule] = &[
    form::kinds,
    schema::fields,
    beside::fields,
    beside::wipe,
    guarded::identity,
    guarded::addresses,
    links::without_address,
    refused::values,
    traps::all,
];

/// Returns what is found in the patches of a cluster. Other layers are not judged here: rendering says
/// why they cannot be applied.
pub fn lint(cluster: &Cluster, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut found = Collected::default();
    for node in &cluster.nodes {
        let patches: Vec<_> = patches(cluster, node).map(|(_, patch)| patch).collect();
        let Ok(contract) = Contract::try_from(&node.version) else {
            continue;
        };
        if patches.is_empty() {
            continue;
        }
        let Ok(walk) = walk::walk(cluster, catalog, node, &patches) else {
            continue;
        };
        // What stands after one step stands before the next: each is judged once.
        let machine = Machine::of(node, contract);
        let judged = |documents: &Vec<Value>| refused::judged(documents, machine);
        let refused: Vec<_> = walk.states.iter().map(judged).collect();
        for step in &walk.steps {
            let patch = patches[step.patch];
            let subject = Subject {
                cluster,
                node,
                contract,
                before: &walk.states[step.before],
                after: &walk.states[step.after],
                refused: [step.before, step.after, walk.states.len() - 1]
                    .map(|state| refused[state].as_slice()),
                documents: walk.finished(),
                patch: &step.content,
                is_operation: step.operation.is_some(),
            };
            let by_rules = RULES.iter().flat_map(|rule| rule(&subject));
            for finding in step.refusal.iter().cloned().chain(by_rules) {
                let span = place::span(patch, step.operation, &finding.path);
                found.add(patch, span, finding, node);
            }
        }
    }
    found.diagnostics(cluster)
}

/// Findings, each with the nodes on which it holds.
#[derive(Default)]
struct Collected<'a>(Vec<(&'a Patch, crate::yaml::Span, Finding, Vec<&'a Node>)>);

impl<'a> Collected<'a> {
    fn add(&mut self, patch: &'a Patch, span: crate::yaml::Span, finding: Finding, node: &'a Node) {
        let same =
            |(known, place, other, _): &&mut (&Patch, crate::yaml::Span, Finding, Vec<&Node>)| {
                known.file == patch.file && *place == span && *other == finding
            };
        match self.0.iter_mut().find(same) {
            Some((.., nodes)) => nodes.push(node),
            None => self.0.push((patch, span, finding, vec![node])),
        }
    }

    /// Says on which nodes it holds, where that is not on all that the patch is for.
    fn diagnostics(self, cluster: &Cluster) -> Vec<Diagnostic> {
        let reach = |patch: &Patch| {
            let has = |node: &&Node| {
                let mut patches = patches(cluster, node);
                patches.any(|(_, other)| other.file == patch.file && other.tree == patch.tree)
            };
            cluster.nodes.iter().filter(has).count()
        };
        let diagnostic = |(patch, span, finding, nodes): (&Patch, _, Finding, Vec<&Node>)| {
            let mut label = finding.label;
            if !finding.message.contains(nodes[0].name.as_str()) && nodes.len() < reach(patch) {
                label = format!("{label} (on {})", names(&nodes));
            }
            Diagnostic::new(finding.code, span, finding.message)
                .in_file(patch.file.as_deref())
                .label(label)
                .help(finding.help)
        };
        self.0.into_iter().map(diagnostic).collect()
    }
}

fn names(nodes: &[&Node]) -> String {
    const SHOWN: usize = 3;
    let named = nodes.iter().take(SHOWN);
    let named: Vec<_> = named.map(|node| format!("`{}`", node.name)).collect();
    match nodes.len().saturating_sub(SHOWN) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl Finding {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            label: String::new(),
            help: String::new(),
            path: LeafPath::default(),
        }
    }

    fn at(mut self, path: &str) -> Self {
        self.path = path_of(path);
        self
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

/// The path of keys joined by dots.
fn path_of(path: &str) -> LeafPath {
    let keys = path.split('.').filter(|key| !key.is_empty());
    keys.fold(LeafPath::default(), |path, key| path.key(key))
}

/// The value at a dotted path.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.').filter(|key| !key.is_empty());
    let found = keys.try_fold(value, |value, key| value.get(key));
    found.filter(|value| !value.is_null())
}

/// The document of a kind; that without one is the main document.
fn of_kind<'a>(documents: &'a [Value], kind: Option<&str>) -> Option<&'a Value> {
    let kind_of = |document: &&Value| document.get("kind").and_then(Value::as_str) == kind;
    documents.iter().find(kind_of)
}

impl Subject<'_> {
    fn kind(&self) -> Option<&str> {
        self.patch.get("kind").and_then(Value::as_str)
    }

    /// Tells whether a field of the `v1alpha1` document is in the patch.
    fn writes(&self, path: &str) -> bool {
        self.kind().is_none() && self.at(path).is_some()
    }

    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(self.patch, |value, key| value.get(key))
    }

    /// Tells whether the finished configuration has a document of this kind.
    fn has(&self, kind: &str) -> bool {
        of_kind(self.documents, Some(kind)).is_some()
    }
}

#[cfg(test)]
mod tests;
