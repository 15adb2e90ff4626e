//! Values by their path: found, set, taken out.
//!
//! Comments stay where they are; positions in a list do not count them. A key that is a number
//! counts as a position where a list stands, so that `users.2.name` works.

use crate::document::Document;
use crate::path::{Step, ValuePath};
use crate::shape::{self, ShapeError};
use crate::tree::{Element, Entry, Item, Mapping, Value};

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// There is nothing.
    #[error("there is no `{path}`")]
    Missing {
        /// What was looked for.
        path: ValuePath,
    },
    /// A list is too short.
    #[error("`{path}` has {length} elements; the next one would be [{length}]")]
    BeyondEnd {
        /// The list.
        path: ValuePath,
        /// How long it is.
        length: usize,
    },
    /// Something on the way cannot hold the next step.
    #[error("`{path}` is {found}, not {expected}")]
    Kind {
        /// Where it stands.
        path: ValuePath,
        /// What the path needs there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The path names a whole document.
    #[error("a path must name a value, not a whole document")]
    Root,
    /// The format cannot hold the value there.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Document {
    /// Returns a value or a subtree; the root of a document is a mapping.
    ///
    /// ```
    /// use sops_rs::{Document, Format};
    ///
    /// let document = Document::parse(Format::Yaml, "users:\n  - name: ada\n")?;
    /// let name = document.get(&"users[0].name".parse()?)?;
    /// assert_eq!(name.as_str(), Some("ada"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, path: &ValuePath) -> Result<Value, LookupError> {
        if path.steps().is_empty() {
            let root = self.tree.documents.get(path.document_index());
            return root
                .cloned()
                .map(Value::Mapping)
                .ok_or_else(|| missing(path));
        }
        self.value_at(path).cloned().ok_or_else(|| missing(path))
    }

    fn value_at(&self, path: &ValuePath) -> Option<&Value> {
        let root = self.tree.documents.get(path.document_index())?;
        let (first, steps) = path.steps().split_first()?;
        let start = match first {
            Step::Key(key) => root.get(key),
            Step::Index(_) => None,
        };
        steps.iter().try_fold(start?, |value, step| match value {
            Value::Mapping(mapping) => match step {
                Step::Key(key) => mapping.get(key),
                Step::Index(_) => None,
            },
            Value::Sequence(_) => position(step).and_then(|index| value.elements()?.nth(index)),
            Value::Null | Value::Scalar(_) => None,
        })
    }

    /// Sets a value; a mapping that is missing on the way is made, and the position after the
    /// last one of a list appends. What was there keeps its place. Nothing changes where it fails.
    pub fn set(&mut self, path: &ValuePath, value: Value) -> Result<(), LookupError> {
        shape::check_at(self.format, path, &value)?;
        self.check_way(path)?;
        let (first, steps) = path.steps().split_first().ok_or(LookupError::Root)?;
        let document = path.document_index();
        let root = self.tree.documents.get_mut(document);
        let root = root.ok_or_else(|| missing(path))?;
        let mut at = ValuePath::document(document);
        let mut slot = slot_in_mapping(root, first, &at)?;
        at = at.join(first.clone());
        for step in steps {
            slot = slot_in(slot, step, &at)?;
            at = at.join(step.clone());
        }
        *slot = value;
        Ok(())
    }

    /// Checks that what is missing on the way to a place can be made: a new list begins with its first
    /// element.
    fn check_way(&self, path: &ValuePath) -> Result<(), LookupError> {
        let mut at = ValuePath::document(path.document_index());
        let mut missing = false;
        for step in path.steps() {
            if let (true, Step::Index(1..)) = (missing, step) {
                return Err(LookupError::BeyondEnd {
                    path: at,
                    length: 0,
                });
            }
            at = at.join(step.clone());
            missing = missing || matches!(self.value_at(&at), None | Some(Value::Null));
        }
        Ok(())
    }

    /// Takes a value out and returns it, with the comment on its line; others stay.
    pub fn unset(&mut self, path: &ValuePath) -> Result<Value, LookupError> {
        let (parent, last) = path.split_last().ok_or(LookupError::Root)?;
        let root = self.tree.documents.get_mut(path.document_index());
        let root = root.ok_or_else(|| missing(path))?;
        let Some((first, steps)) = parent.steps().split_first() else {
            return remove_key(root, last).ok_or_else(|| missing(path));
        };
        let mut holder = existing_key(root, first);
        for step in steps {
            holder = holder.and_then(|value| existing(value, step));
        }
        let removed = match holder {
            Some(Value::Mapping(mapping)) => remove_key(mapping, last),
            Some(Value::Sequence(elements)) => {
                position(last).and_then(|index| remove_element(elements, index))
            }
            _ => None,
        };
        removed.ok_or_else(|| missing(path))
    }
}

fn missing(path: &ValuePath) -> LookupError {
    LookupError::Missing { path: path.clone() }
}

fn position(step: &Step) -> Option<usize> {
    match step {
        Step::Index(index) => Some(*index),
        Step::Key(key) => key.parse().ok(),
    }
}

/// The place for a step inside a value, made where it is missing.
fn slot_in<'a>(
    value: &'a mut Value,
    step: &Step,
    at: &ValuePath,
) -> Result<&'a mut Value, LookupError> {
    if matches!(value, Value::Null) {
        *value = match step {
            Step::Key(_) => Value::Mapping(Mapping::default()),
            Step::Index(_) => Value::Sequence(Vec::new()),
        };
    }
    let found = value.kind();
    match value {
        Value::Mapping(mapping) => slot_in_mapping(mapping, step, at),
        Value::Sequence(elements) => slot_in_sequence(elements, step, at),
        Value::Null | Value::Scalar(_) => Err(LookupError::Kind {
            path: at.clone(),
            expected: match step {
                Step::Key(_) => "a mapping",
                Step::Index(_) => "a list",
            },
            found,
        }),
    }
}

fn slot_in_mapping<'a>(
    mapping: &'a mut Mapping,
    step: &Step,
    at: &ValuePath,
) -> Result<&'a mut Value, LookupError> {
    let Step::Key(key) = step else {
        return Err(LookupError::Kind {
            path: at.clone(),
            expected: "a list",
            found: "a mapping",
        });
    };
    let found = mapping
        .items
        .iter()
        .position(|item| matches!(item, Item::Entry(entry) if entry.key == *key));
    let index = found.unwrap_or_else(|| {
        mapping.push(key.as_str(), Value::Null);
        mapping.items.len() - 1
    });
    match &mut mapping.items[index] {
        Item::Entry(entry) => Ok(&mut entry.value),
        Item::Comment(_) => Err(missing(at)),
    }
}

fn slot_in_sequence<'a>(
    elements: &'a mut Vec<Element>,
    step: &Step,
    at: &ValuePath,
) -> Result<&'a mut Value, LookupError> {
    let index = position(step).ok_or_else(|| LookupError::Kind {
        path: at.clone(),
        expected: "a mapping",
        found: "a list",
    })?;
    let length = values(elements).count();
    if index == length {
        elements.push(Element::Value(Value::Null));
    }
    let path = at.clone();
    let beyond = LookupError::BeyondEnd { path, length };
    values(elements).nth(index).ok_or(beyond)
}

fn values(elements: &mut [Element]) -> impl Iterator<Item = &mut Value> {
    elements.iter_mut().filter_map(|element| match element {
        Element::Value(value) => Some(value),
        Element::Comment(_) => None,
    })
}

fn existing<'a>(value: &'a mut Value, step: &Step) -> Option<&'a mut Value> {
    match value {
        Value::Mapping(mapping) => existing_key(mapping, step),
        Value::Sequence(elements) => values(elements).nth(position(step)?),
        Value::Null | Value::Scalar(_) => None,
    }
}

fn existing_key<'a>(mapping: &'a mut Mapping, step: &Step) -> Option<&'a mut Value> {
    let Step::Key(key) = step else { return None };
    mapping.items.iter_mut().find_map(|item| match item {
        Item::Entry(Entry { key: own, value }) if own == key => Some(value),
        _ => None,
    })
}

fn remove_key(mapping: &mut Mapping, step: &Step) -> Option<Value> {
    let Step::Key(key) = step else { return None };
    let items = &mut mapping.items;
    let is_it = |item: &Item| matches!(item, Item::Entry(entry) if entry.key == *key);
    let at = items.iter().position(is_it)?;
    let removed = items.remove(at);
    // The comment on its line stands right before it.
    if let Some(before) = at.checked_sub(1)
        && matches!(&items[before], Item::Comment(comment) if comment.inline)
    {
        items.remove(before);
    }
    match removed {
        Item::Entry(entry) => Some(entry.value),
        Item::Comment(_) => None,
    }
}

fn remove_element(elements: &mut Vec<Element>, index: usize) -> Option<Value> {
    let values = elements
        .iter()
        .enumerate()
        .filter(|(_, element)| matches!(element, Element::Value(_)));
    let (at, _) = values.clone().nth(index)?;
    let removed = elements.remove(at);
    if let Some(before) = at.checked_sub(1)
        && matches!(&elements[before], Element::Comment(comment) if comment.inline)
    {
        elements.remove(before);
    }
    match removed {
        Element::Value(value) => Some(value),
        Element::Comment(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Document, Format, Value};

    const TEXT: &str =
        "a: one\nusers:\n    # first\n    - name: ada\n    - name: bob\nempty: null\n";

    fn changed(change: impl FnOnce(&mut Document)) -> String {
        let mut document = Document::parse(Format::Yaml, TEXT).unwrap();
        change(&mut document);
        String::from_utf8(document.to_bytes().to_vec()).unwrap()
    }

    fn set(path: &str, value: &str) -> String {
        changed(|document| {
            let path = path.parse().unwrap();
            document.set(&path, Value::from(value)).unwrap();
        })
    }

    #[test]
    fn values_are_set_in_place_and_appended() {
        assert_eq!(set("a", "two"), TEXT.replace("one", "two"));
        assert_eq!(
            set(r#"["users"][1]["name"]"#, "eve"),
            TEXT.replace("bob", "eve")
        );
        assert_eq!(set("users.0.name", "eve"), TEXT.replace("ada", "eve"));
        assert_eq!(
            set("users[2]", "eve"),
            TEXT.replace("name: bob\n", "name: bob\n    - eve\n")
        );
        assert_eq!(
            set("empty.b.c", "deep"),
            TEXT.replace("empty: null", "empty:\n    b:\n        c: deep")
        );
        assert_eq!(set("z", "new"), format!("{TEXT}z: new\n"));
    }

    #[test]
    fn values_are_taken_out_and_comments_stay() {
        let unset = |path: &str| {
            changed(|document| {
                document.unset(&path.parse().unwrap()).unwrap();
            })
        };
        assert_eq!(unset("a"), TEXT.replace("a: one\n", ""));
        assert_eq!(unset("users[0]"), TEXT.replace("    - name: ada\n", ""));
        assert_eq!(unset("users[1].name"), TEXT.replace("name: bob", "{}"));
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_it_ends() {
        let mut document = Document::parse(Format::Yaml, TEXT).unwrap();
        let mut failure = |path: &str| {
            let path = path.parse().unwrap();
            document.set(&path, Value::Null).unwrap_err().to_string()
        };
        assert_eq!(failure("a.b"), "`a` is a string, not a mapping");
        assert_eq!(failure("users.name"), "`users` is a list, not a mapping");
        assert_eq!(
            failure("users[5]"),
            "`users` has 2 elements; the next one would be [2]"
        );
        assert_eq!(failure("document 2: a"), "there is no `document 2: a`");
        assert_eq!(
            failure(""),
            "a path must name a value, not a whole document"
        );
        let missing = document.get(&"users[0].age".parse().unwrap());
        assert_eq!(
            missing.err().unwrap().to_string(),
            "there is no `users[0].age`"
        );
    }
}
