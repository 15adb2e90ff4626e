//! The owner's patches: each written out or taken from its file, one document after the other.

use std::sync::Arc;

use camino::Utf8Path;
use serde_json::Value;

use super::{Findings, Scope};
use crate::spec::cluster::{Patch, Patches};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::patch_files::file_name;
use crate::spec::raw::{RawPatchList, RawSpec};
use crate::yaml::{Node, NodeKind, Span};

/// Where a patch stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: Option<&'a Utf8Path>,
    text: &'a str,
}

/// Returns the patches of wider scopes than classes and nodes.
pub(super) fn patches(spec: &RawSpec, scope: Scope<'_>, findings: &mut Findings) -> Patches {
    let raw = spec.patches.clone().unwrap_or_default();
    Patches {
        all: list(&raw.all, scope, findings),
        control_plane: list(&raw.control_plane, scope, findings),
        worker: list(&raw.worker, scope, findings),
    }
}

/// Returns the patches that a list comes to, in its order.
pub(super) fn list(raw: &RawPatchList, scope: Scope<'_>, findings: &mut Findings) -> Vec<Patch> {
    let here = Place {
        file: None,
        text: scope.source,
    };
    let RawPatchList(list) = raw;
    let written = |span: Span| scope.root.at(span).cloned().unwrap_or_default();
    if let (Some(first), Some(last)) = (list.0.first(), list.0.last())
        && list.0.iter().all(|patch| is_operation(&patch.value))
    {
        let items = list.0.iter().map(|patch| written(patch.span)).collect();
        let operations = Node {
            span: Span::new(first.span.start, last.span.end),
            kind: NodeKind::Sequence(items),
        };
        return vec![patch(operations, here)];
    }
    let mut patches = Vec::new();
    for raw in &list.0 {
        match raw.value.as_str() {
            Some(name) => patches.extend(from_file(name, raw.span, scope, findings)),
            None => patches.extend(checked(written(raw.span), here, findings)),
        }
    }
    patches
}

/// The documents of a file; one that could not be read was reported.
fn from_file(name: &str, span: Span, scope: Scope<'_>, findings: &mut Findings) -> Vec<Patch> {
    let Some(name) = file_name(name) else {
        let finding = Diagnostic::new(Code::NotAPatch, span, format!("`{name}` is not a patch"));
        findings.add(finding.help(format!(
            "name a file as `\"@{name}\"`, or write the patch out"
        )));
        return Vec::new();
    };
    let Some(file) = scope.patch_files.get(&name) else {
        return Vec::new();
    };
    let place = Place {
        file: Some(&name),
        text: &file.text,
    };
    let is_list = |node: &&Node| matches!(node.kind, NodeKind::Sequence(_));
    if let Some(operations) = file.documents.iter().find(is_list)
        && file.documents.len() > 1
    {
        let message = "a list of operations beside another document";
        let finding = Diagnostic::new(Code::NotAPatch, operations.span, message)
            .in_file(Some(&name))
            .help("keep operations in a file of their own");
        findings.add(finding);
        return Vec::new();
    }
    let documents = file.documents.iter().cloned();
    documents
        .filter_map(|document| checked(document, place, findings))
        .collect()
}

/// Makes a patch of a tree, unless it is something else.
fn checked(tree: Node, place: Place<'_>, findings: &mut Findings) -> Option<Patch> {
    let wrong = match &tree.kind {
        NodeKind::Sequence(items) => items
            .iter()
            .find(|item| !is_operation(&item.to_value()))
            .map(|item| {
                let what =
                    "a list that is a patch holds operations (RFC 6902), each with `op` and `path`";
                (item.span, what.to_owned())
            }),
        NodeKind::Mapping(_) if is_operation(&tree.to_value()) => {
            let what = "an operation (RFC 6902) outside a list of operations";
            Some((tree.span, what.to_owned()))
        }
        NodeKind::Mapping(_) => None,
        NodeKind::Scalar(_) => {
            let what = format!(
                "a patch is a mapping or a list of operations, found {}",
                tree.kind_name()
            );
            Some((tree.span, what))
        }
    };
    let Some((span, message)) = wrong else {
        return Some(patch(tree, place));
    };
    findings.add(
        Diagnostic::new(Code::NotAPatch, span, message)
            .in_file(place.file)
            .label("here")
            .help("write a part of a document, such as `machine: {sysctls: {…}}`, or operations as `[{op: add, path: …, value: …}]`"),
    );
    None
}

fn patch(tree: Node, place: Place<'_>) -> Patch {
    Patch {
        content: tree.to_value(),
        class: None,
        file: place.file.map(Utf8Path::to_owned),
        line: tree.span.position(place.text).0,
        tree: Arc::new(tree),
    }
}

fn is_operation(value: &Value) -> bool {
    let text = |key| value.get(key).is_some_and(Value::is_string);
    text("op") && text("path")
}
