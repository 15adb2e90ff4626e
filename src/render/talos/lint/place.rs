//! Where in a patch a finding points.

use crate::model::{LeafPath, Step};
use crate::spec::cluster::Patch;
use crate::yaml::{Node, NodeKind, Span};

/// Returns the place of a path in a patch, or of what is nearest above it; of an operation, that of its
/// path.
pub(super) fn span(patch: &Patch, operation: Option<usize>, below: &LeafPath) -> Span {
    match operation {
        Some(position) => {
            let item = patch.tree.items().get(position);
            let target = item.and_then(|item| item.get("path"));
            target.or(item).map_or(patch.tree.span, |node| node.span)
        }
        None => within(&patch.tree, below),
    }
}

fn within(tree: &Node, path: &LeafPath) -> Span {
    let (mut node, mut place) = (tree, head(tree));
    for step in path.steps() {
        match step {
            Step::Key(key) => {
                let Some(entry) = node.entry(key) else { break };
                node = &entry.value;
                place = entry.key_span;
            }
            Step::Entry(entry) => {
                let position: Option<usize> = entry.parse().ok();
                let item = position.and_then(|position| node.items().get(position));
                let Some(item) = item else { break };
                node = item;
                place = head(item);
            }
        }
    }
    match &node.kind {
        // The key and its value, where that fits on a line.
        NodeKind::Scalar(_) if !path.is_root() => {
            Span::new(place.start.min(node.span.start), node.span.end)
        }
        _ => place,
    }
}

/// What a person looks at first.
fn head(node: &Node) -> Span {
    match &node.kind {
        NodeKind::Mapping(entries) => {
            let kind = entries.iter().find(|entry| entry.key == "kind");
            match (kind, entries.first()) {
                (Some(kind), _) => Span::new(kind.key_span.start, kind.value.span.end),
                (None, Some(first)) => first.key_span,
                (None, None) => node.span,
            }
        }
        NodeKind::Sequence(items) => items.first().map_or(node.span, head),
        NodeKind::Scalar(_) => node.span,
    }
}
