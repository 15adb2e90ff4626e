//! Where in a patch something stands that a patch put into a configuration.

use serde_json::Value;

use crate::model::{LeafPath, Step};
use crate::spec::cluster::Patch;
use crate::yaml::{Node, Span};

/// Returns the place of a leaf in a patch: its value's, or of the nearest that is there.
pub(super) fn find(patch: &Patch, place: &LeafPath, value: &Value) -> Span {
    let tree = patch.tree.as_ref();
    let is_operations = patch.content.is_array();
    let begin = if is_operations {
        operation(tree, place).unwrap_or(tree)
    } else {
        descend(tree, place.steps(), value)
    };
    begin.span
}

fn descend<'a>(tree: &'a Node, steps: &[Step], value: &Value) -> &'a Node {
    let Some((step, rest)) = steps.split_first() else {
        return tree;
    };
    let below = match step {
        Step::Key(key) => tree.get(key),
        Step::Entry(entry) => item(tree, entry, rest, value),
    };
    below.map_or(tree, |below| descend(below, rest, value))
}

/// An entry is known by its key, or else by what it says: its position in the patch is another.
fn item<'a>(tree: &'a Node, entry: &str, rest: &[Step], value: &Value) -> Option<&'a Node> {
    let items = tree.items();
    if let Some((key, name)) = entry.split_once('=') {
        let text = |node: &Node| match node.to_value() {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let is_it = |item: &&Node| item.get(key).map(text).as_deref() == Some(name);
        return items.iter().find(is_it);
    }
    items.iter().find(|item| {
        let keys: Option<Vec<_>> = rest
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Entry(_) => None,
            })
            .collect();
        let found =
            keys.and_then(|keys| keys.into_iter().try_fold(*item, |node, key| node.get(key)));
        found.is_some_and(|found| found.to_value() == *value)
    })
}

/// The last operation whose path leads to the place, or above it.
fn operation<'a>(tree: &'a Node, path: &LeafPath) -> Option<&'a Node> {
    let keys = path.steps().iter().map_while(|step| match step {
        Step::Key(key) => Some(key.replace('~', "~0").replace('/', "~1")),
        Step::Entry(_) => None,
    });
    let pointer = keys.fold(String::new(), |pointer, key| [&pointer, "/", &key].concat());
    let leads = |operation: &&Node| {
        let target = operation
            .get("path")
            .and_then(Node::as_str)
            .unwrap_or_default();
        let below =
            |whole: &str, part: &str| whole == part || whole.starts_with(&format!("{part}/"));
        below(&pointer, target) || below(target, &pointer)
    };
    tree.items().iter().rev().find(leads)
}
