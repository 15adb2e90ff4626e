//! The comparison of two configurations as documents, not as text: Talos writes what it was given
//! anew, so order of keys, comments and empty values mean nothing.

use indexmap::IndexSet;
use serde::Serialize;
use serde_json::Value;

use super::effect::Effect;
use crate::model::{LeafPath, Secret, Step, Version};
use crate::render::hidden::shown_beside;
use crate::render::reference::{SecretRef, SecretSource};
use crate::render::talos::{MAIN, entries, identity};

/// One difference between two configurations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The document's kind; `v1alpha1` for the one that names none.
    pub kind: String,
    /// The document's name, for kinds that have names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where in the document; its root when the document comes or goes as a whole.
    pub path: LeafPath,
    /// What is there now, secrets hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What will be there, secrets hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What the change does.
    #[serde(flatten)]
    pub effect: Effect,
}

/// Returns every difference, in the order of the documents.
///
/// Either side may hold references to secrets: they are compared by the values that the source
/// knows. What it does not know counts as equal, since nobody can tell.
pub fn changes(
    before: &[Value],
    after: &[Value],
    talos: &Version,
    secrets: &dyn SecretSource,
) -> Vec<Change> {
    let mut found = Vec::new();
    for document in before {
        let mut comparison = Comparison::new(document, talos, secrets, &mut found);
        let root = LeafPath::default();
        match after
            .iter()
            .find(|other| identity(other) == identity(document))
        {
            Some(other) => comparison.compare(&root, Some(document), Some(other)),
            None => comparison.add(&root, Some(document), None),
        }
    }
    for document in after {
        if !before
            .iter()
            .any(|other| identity(other) == identity(document))
        {
            let mut comparison = Comparison::new(document, talos, secrets, &mut found);
            comparison.add(&LeafPath::default(), None, Some(document));
        }
    }
    found
}

struct Comparison<'a> {
    kind: &'a str,
    name: Option<&'a str>,
    talos: &'a Version,
    secrets: &'a dyn SecretSource,
    found: &'a mut Vec<Change>,
}

impl<'a> Comparison<'a> {
    fn new(
        document: &'a Value,
        talos: &'a Version,
        secrets: &'a dyn SecretSource,
        found: &'a mut Vec<Change>,
    ) -> Self {
        let [kind, name] = identity(document);
        Self {
            kind: kind.unwrap_or(MAIN),
            name: kind.and(name),
            talos,
            secrets,
            found,
        }
    }

    fn compare(&mut self, path: &LeafPath, before: Option<&Value>, after: Option<&Value>) {
        if self.is_same(path, before, after) {
            return;
        }
        match (before, after) {
            (Some(Value::Array(left)), Some(Value::Array(right))) => {
                self.compare_lists(path, left, right);
            }
            _ if is_mapping_or_nothing(before) && is_mapping_or_nothing(after) => {
                for key in keys(before, after) {
                    self.compare(&path.key(key), get(before, key), get(after, key));
                }
            }
            _ => self.add(path, before, after),
        }
    }

    /// Entries that are known by a key are compared one by one; other lists as a whole.
    fn compare_lists(&mut self, path: &LeafPath, before: &[Value], after: &[Value]) {
        let Some(key) = entries::key(&[before, after]) else {
            return self.add(path, Some(&before.into()), Some(&after.into()));
        };
        let count = self.found.len();
        for entry in before {
            let place = entries::place(path, key, entry);
            match after.iter().find(|other| other[key] == entry[key]) {
                Some(other) => self.compare(&place, Some(entry), Some(other)),
                None => self.add(&place, Some(entry), None),
            }
        }
        for entry in after {
            if !before.iter().any(|other| other[key] == entry[key]) {
                self.add(&entries::place(path, key, entry), None, Some(entry));
            }
        }
        if self.found.len() == count {
            // The same entries in another order.
            self.add(path, Some(&before.into()), Some(&after.into()));
        }
    }

    fn add(&mut self, path: &LeafPath, before: Option<&Value>, after: Option<&Value>) {
        let effect = match after {
            Some(_) => Effect::of(self.kind, path, self.talos),
            None => Effect::of_removal(self.kind, path, self.talos),
        };
        self.found.push(Change {
            kind: self.kind.to_owned(),
            name: self.name.map(str::to_owned),
            path: path.clone(),
            before: before.map(|value| shown_beside(path, value, after)),
            after: after.map(|value| shown_beside(path, value, before)),
            effect,
        });
    }

    fn is_same(&self, path: &LeafPath, before: Option<&Value>, after: Option<&Value>) -> bool {
        match (before, after) {
            (Some(Value::Array(left)), Some(Value::Array(right))) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|(left, right)| self.is_same(&path.entry(""), Some(left), Some(right)))
            }
            _ if is_nothing(path, before) || is_nothing(path, after) => {
                is_nothing(path, before) && is_nothing(path, after)
            }
            _ if is_mapping_or_nothing(before) && is_mapping_or_nothing(after) => {
                keys(before, after)
                    .into_iter()
                    .all(|key| self.is_same(&path.key(key), get(before, key), get(after, key)))
            }
            (Some(before), Some(after)) => self.is_same_scalar(before, after),
            _ => false,
        }
    }

    fn is_same_scalar(&self, before: &Value, after: &Value) -> bool {
        if before == after {
            return true;
        }
        match (self.text(before), self.text(after)) {
            (Text::Unknown, _) | (_, Text::Unknown) => true,
            (Text::Known(before), Text::Known(after)) => before.expose() == after.expose(),
            _ => false,
        }
    }

    /// Returns the text that a scalar stands for: a field that holds text may be given a number.
    fn text(&self, value: &Value) -> Text {
        match SecretRef::of(value) {
            Some(Ok(reference)) => match self.secrets.lookup(&reference) {
                Some(value) => Text::Known(value),
                None => Text::Unknown,
            },
            _ if value.is_object() || value.is_array() => Text::None,
            _ => Text::Known(text_of(value).into()),
        }
    }
}

enum Text {
    Known(Secret<String>),
    Unknown,
    None,
}

fn get<'a>(side: Option<&'a Value>, key: &str) -> Option<&'a Value> {
    side?.get(key)
}

/// Returns the keys of both sides, those of the first in its order before the others.
fn keys<'a>(before: Option<&'a Value>, after: Option<&'a Value>) -> IndexSet<&'a str> {
    [before, after]
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

/// A reference to a secret is written as a mapping, but stands for a text.
fn is_mapping_or_nothing(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.is_null() || value.is_object() && SecretRef::of(value).is_none())
}

/// Talos leaves out what is empty. In a mapping of names a name without a value says something.
fn is_nothing(path: &LeafPath, value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(entries)) => entries
            .iter()
            .all(|(key, value)| is_nothing(&path.key(key), Some(value))),
        Some(Value::String(text)) => text.is_empty() && !is_named_freely(path),
        Some(_) => false,
    }
}

/// Mappings whose keys are names that the owner chose.
const NAMES: &[&str] = &[
    "annotations",
    "env",
    "extraArgs",
    "labels",
    "nodeAnnotations",
    "nodeLabels",
    "nodeTaints",
    "params",
    "sysctls",
    "sysfs",
    "taints",
    "variables",
];

fn is_named_freely(path: &LeafPath) -> bool {
    let [.., Step::Key(parent), Step::Key(_)] = path.steps() else {
        return false;
    };
    NAMES.contains(&parent.as_str())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
