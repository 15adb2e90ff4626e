//! Traps of machine configurations: what the owner's patches come to on the nodes that they are for.
//!
//! Each rule looks at one patch and one node, knowing the node's contract and its finished documents; what
//! it finds is said once for each patch, at the patch's place.

mod beside;
mod contradiction;
mod form;
mod links;

use serde_json::Value;

use super::layers::patches;
use super::{Contract, documents};
use crate::catalog::Catalog;
use crate::spec::cluster::{Cluster, Node};
use crate::spec::{Code, Diagnostic};

/// What rules look at.
struct Subject<'a> {
    cluster: &'a Cluster,
    node: &'a Node,
    contract: Contract,
    /// The finished documents of the node.
    documents: &'a [Value],
    patch: &'a Value,
}

/// What a rule found.
struct Finding {
    code: Code,
    message: String,
    label: String,
    help: String,
}

type Rule = fn(&Subject<'_>) -> Vec<Finding>;

const RULES: &[Rule] = &[
    form::kinds,
    beside::fields,
    beside::wipe,
    contradiction::identity,
    links::without_address,
];

/// Returns what is found in the patches of a cluster. A configuration that cannot be rendered is not
/// judged here: rendering says why.
pub fn lint(cluster: &Cluster, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for node in &cluster.nodes {
        let patches: Vec<_> = patches(cluster, node).map(|(_, patch)| patch).collect();
        let Ok(contract) = Contract::try_from(&node.version) else {
            continue;
        };
        if patches.is_empty() {
            continue;
        }
        let finished = documents(cluster, catalog, &node.name).unwrap_or_default();
        for patch in patches {
            let subject = Subject {
                cluster,
                node,
                contract,
                documents: &finished,
                patch: &patch.content,
            };
            for finding in RULES.iter().flat_map(|rule| rule(&subject)) {
                let diagnostic = Diagnostic::new(finding.code, patch.tree.span, finding.message)
                    .in_file(patch.file.as_deref())
                    .label(finding.label)
                    .help(finding.help);
                if !found.contains(&diagnostic) {
                    found.push(diagnostic);
                }
            }
        }
    }
    found
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
        self.documents
            .iter()
            .any(|document| document["kind"] == kind)
    }
}

#[cfg(test)]
mod tests;
