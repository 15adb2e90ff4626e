//! Whether a patch has a form that the node's release reads.

use super::{Finding, Subject};
use crate::render::talos::Contract;
use crate::render::talos::forms::since;
use crate::spec::Code;

/// Kinds of documents that the node's release does not know, or that nobody here knows.
pub(super) fn kinds(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(kind) = subject.kind() else {
        return Vec::new();
    };
    let version = &subject.node.version;
    let finding = match since(kind) {
        Some(first) if first > subject.contract => Finding::new(
            Code::KindTooNew,
            format!("Talos {} does not know `{kind}`", subject.contract),
        )
        .label(format!("known since {first}"))
        .help("give the patch to nodes of that release only, or write the field that was before"),
        Some(_) => return Vec::new(),
        None if Contract::is_newer_than_known(version) => Finding::new(
            Code::UnknownKind,
            format!("this build does not know the document `{kind}`"),
        )
        .label("passes as it is")
        .help(format!(
            "check its spelling against the documentation of Talos {version}"
        )),
        None => Finding::new(
            Code::NotReadByTalos,
            format!("Talos {} has no document `{kind}`", subject.contract),
        )
        .label("it refuses the configuration")
        .help("check its spelling: kinds of Talos end in `Config`"),
    };
    vec![finding.at("kind")]
}
