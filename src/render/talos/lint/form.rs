//! Whether a patch has a form that the node's release reads.

use super::{Finding, Subject};
use crate::render::talos::forms::since;
use crate::spec::Code;

/// Kinds of documents that the node's release does not know, or that nobody here knows.
pub(super) fn kinds(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(kind) = subject.kind() else {
        return Vec::new();
    };
    match since(kind) {
        Some(first) if first > subject.contract => vec![Finding {
            code: Code::KindTooNew,
            message: format!("Talos {} does not know `{kind}`", subject.contract),
            label: format!("known since {first}"),
            help:
                "give the patch to nodes of that release only, or write the field that was before"
                    .to_owned(),
        }],
        Some(_) => Vec::new(),
        None => vec![Finding {
            code: Code::UnknownKind,
            message: format!("this build does not know the document `{kind}`"),
            label: "passes as it is".to_owned(),
            help: "check its spelling; Talos refuses a kind that it does not know".to_owned(),
        }],
    }
}
