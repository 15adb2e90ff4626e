//! The owner's patches of a node, applied one after the other; operations one by one.

use serde_json::{Map, Value, json};

use super::Finding;
use crate::catalog::Catalog;
use crate::render::reference::references;
use crate::render::talos::Origin;
use crate::render::talos::layers::lay;
use crate::render::talos::operations::unescaped;
use crate::render::talos::{
    MergeError, OperationError, PatchError, TalosRenderError, layers, patch_documents,
};
use crate::spec::Code;
use crate::spec::cluster::{Cluster, Node, Patch};

/// The way from the documents without patches to the finished ones.
pub(super) struct Walk {
    pub(super) steps: Vec<Step>,
    /// The documents at each point; a step leads from one to another.
    pub(super) states: Vec<Vec<Value>>,
}

/// A patch that is merged, or one operation.
pub(super) struct Step {
    /// Which patch, by its position.
    pub(super) patch: usize,
    /// Which operation of it.
    pub(super) operation: Option<usize>,
    /// What it writes, as a part of a document.
    pub(super) content: Value,
    pub(super) before: usize,
    pub(super) after: usize,
    /// Why it cannot be applied.
    pub(super) refusal: Option<Finding>,
}

impl Walk {
    pub(super) fn finished(&self) -> &[Value] {
        self.states.last().map_or(&[], Vec::as_slice)
    }
}

/// Applies the patches of a node; those that cannot be applied are left out.
pub(super) fn walk(
    cluster: &Cluster,
    catalog: &Catalog,
    node: &Node,
    patches: &[&Patch],
) -> Result<Walk, TalosRenderError> {
    let layers = layers(cluster, catalog, &node.name)?.into_iter();
    let base = layers.take_while(|layer| !matches!(layer.origin, Origin::Patch { .. }));
    let base = lay(&node.name, base.collect(), |_| ())?;
    let mut walk = Walk {
        steps: Vec::new(),
        states: vec![base],
    };
    for (position, patch) in patches.iter().enumerate() {
        match patch.content.as_array() {
            Some(operations) => {
                for (number, operation) in operations.iter().enumerate() {
                    let one = json!([operation]);
                    if !walk.step(position, Some(number), &one, written(operation)) {
                        break;
                    }
                }
            }
            None => {
                walk.step(position, None, &patch.content, patch.content.clone());
            }
        }
    }
    Ok(walk)
}

impl Walk {
    /// Makes a step; tells whether it could be made.
    fn step(
        &mut self,
        patch: usize,
        operation: Option<usize>,
        change: &Value,
        content: Value,
    ) -> bool {
        let before = self.states.len() - 1;
        let known = self.states[before].clone();
        let malformed = references(std::slice::from_ref(change)).err().map(|error| {
            Finding::new(Code::BrokenReference, error.to_string())
                .label("in this patch")
                .help("write `{secretRef: FILE#PATH}`, a file of the repository and a dotted path in it")
        });
        let result = match malformed {
            Some(refusal) => Err(refusal),
            None => patch_documents(known, change).map_err(|error| refusal(&error)),
        };
        let (after, refusal) = match result {
            Ok(next) => {
                self.states.push(next);
                (before + 1, None)
            }
            Err(refusal) => (before, Some(refusal)),
        };
        let goes_on = refusal.is_none();
        self.steps.push(Step {
            patch,
            operation,
            content,
            before,
            after,
            refusal,
        });
        goes_on
    }
}

/// What an operation writes, as the part of a document around it; nothing for one that takes away.
fn written(operation: &Value) -> Value {
    let path = operation["path"].as_str().unwrap_or_default();
    let value = match operation["op"].as_str() {
        Some("add" | "replace") => operation["value"].clone(),
        _ => return Value::Object(Map::new()),
    };
    path.split('/')
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .fold(value, |value, step| {
            let key = unescaped(step);
            if key == "-" || key.parse::<i64>().is_ok() {
                return json!([value]);
            }
            json!({key: value})
        })
}

fn refusal(error: &PatchError) -> Finding {
    let text = error.to_string();
    match error {
        PatchError::Merge(error) => merge_refusal(error, text),
        PatchError::Operation(error) => operation_refusal(error, text),
    }
}

fn merge_refusal(error: &MergeError, text: String) -> Finding {
    let (code, label, help) = match error {
        MergeError::NotMapping(_) | MergeError::NoKind | MergeError::NoVersion => (
            Code::NotAPatch,
            "not a document of Talos, nor a part of one",
            "begin with `machine`, `cluster`, or `apiVersion: v1alpha1` and a `kind`",
        ),
        MergeError::Nothing => (
            Code::TargetsNothing,
            "an empty patch",
            "write what it is to change, or remove it",
        ),
        MergeError::NothingToDelete(_) | MergeError::NoDocumentToDelete(_) => (
            Code::TargetsNothing,
            "deletes what is not there",
            "remove it, or correct its path; `homelab nodes config NODE --redact` shows what is there",
        ),
        MergeError::DeletesMain => (
            Code::DeletesNeeded,
            "without it there is no machine",
            "delete the fields that are not wanted",
        ),
        MergeError::DeletesUnnamed(_) => (
            Code::CannotBeApplied,
            "which entry?",
            "write one key of the entry beside `$patch: delete`, such as its name",
        ),
        MergeError::DeletesInside(_) => (
            Code::CannotBeApplied,
            "Talos deletes whole entries of lists only",
            "delete the entry in one patch, and write it anew in the next",
        ),
        MergeError::Clash { .. } | MergeError::Unmergeable(_) => (
            Code::CannotBeApplied,
            "cannot be merged",
            "write the same kind of value, or take the old one away first with `$patch: delete`",
        ),
    };
    let mut finding = Finding::new(code, text).label(label).help(help);
    if let Some(path) = error.path() {
        finding.path = path.clone();
    }
    finding
}

fn operation_refusal(error: &OperationError, text: String) -> Finding {
    let (code, label, help) = match error {
        OperationError::ManyDocuments(_) => (
            Code::OperationsOnDocuments,
            "Talos takes operations for a configuration of one document only",
            "write the patch as the part of the document that it changes; `$patch: delete` takes away",
        ),
        OperationError::NotOperations | OperationError::UnknownOperation(_) => (
            Code::NotAPatch,
            "not an operation",
            "write `op` (add, remove, replace, move, copy, test), `path`, and `value` or `from`",
        ),
        OperationError::Missing { .. } => (
            Code::TargetsNothing,
            "not there",
            "correct the path; `homelab nodes config NODE --redact` shows what is there",
        ),
        OperationError::Differs(_) => (
            Code::TargetsNothing,
            "the test fails",
            "correct the value; `homelab nodes config NODE --redact` shows what is there",
        ),
    };
    Finding::new(code, text).label(label).help(help)
}
