//! Moves what a contract has no document for into the `v1alpha1` document.

use serde_json::{Map, Value};

use super::network;
use super::table::{Before, TABLE};
use crate::render::reference::SecretRef;
use crate::render::talos::Contract;

/// What every document has, whatever it says.
const HEAD: [&str; 3] = ["apiVersion", "kind", "name"];

/// Returns the documents in the form of a contract, the `v1alpha1` document first unless it is empty.
/// Keys of it that have no value are left out.
pub(crate) fn lowered(contract: Contract, mut main: Value, documents: Vec<Value>) -> Vec<Value> {
    let mut kept = Vec::new();
    for document in documents {
        kept.extend(lower(contract, &mut main, document));
    }
    network::settle(&mut main);
    without_nothing(&mut main);
    let empty = main.as_object().is_some_and(Map::is_empty);
    if !empty {
        kept.insert(0, main);
    }
    kept
}

/// Returns patches in the form of a contract: each document of theirs that it does not have is moved into
/// the `v1alpha1` document.
pub(crate) fn adapted(contract: Contract, patches: Vec<Value>) -> Vec<Value> {
    let (documents, mains): (Vec<_>, Vec<_>) = patches
        .into_iter()
        .partition(|patch| patch.get("kind").is_some());
    let mut adapted = mains;
    adapted.extend(lowered(contract, Value::Object(Map::new()), documents));
    adapted
}

/// Returns a whole configuration in the form of an older contract, as far as it has one.
pub fn in_older_form(contract: Contract, documents: Vec<Value>) -> Vec<Value> {
    let (documents, mut mains): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .partition(|document| document.get("kind").is_some());
    let main = mains.pop().unwrap_or_else(|| Value::Object(Map::new()));
    lowered(contract, main, documents)
}

/// Moves what must move; returns what is left of the document.
fn lower(contract: Contract, main: &mut Value, mut document: Value) -> Option<Value> {
    let kind = document.get("kind").and_then(Value::as_str)?.to_owned();
    for form in TABLE
        .iter()
        .filter(|form| form.kind == kind && contract < form.since)
    {
        match form.part {
            None => {
                form.before.write(&document, main);
                return None;
            }
            Some(part) => {
                let Some(value) = document
                    .as_object_mut()
                    .and_then(|entries| entries.shift_remove(part))
                else {
                    continue;
                };
                let mut moved = head(&document);
                moved.insert(part.to_owned(), value);
                form.before.write(&Value::Object(moved), main);
                if says_nothing(&document) {
                    return None;
                }
            }
        }
    }
    Some(document)
}

fn head(document: &Value) -> Map<String, Value> {
    let entry = |key: &&str| Some(((*key).to_owned(), document.get(*key)?.clone()));
    HEAD.iter().filter_map(entry).collect()
}

fn says_nothing(document: &Value) -> bool {
    let entries = document.as_object().into_iter().flatten();
    entries
        .into_iter()
        .all(|(key, _)| HEAD.contains(&key.as_str()))
}

impl Before {
    fn write(&self, document: &Value, main: &mut Value) {
        match self {
            Self::Nothing => {}
            Self::At(places) => {
                for (from, to) in *places {
                    if let Some(value) = get(document, from) {
                        put(main, to, value.clone());
                    }
                }
            }
            Self::By(write) => write(document, main),
        }
    }
}

/// Returns the value at a dotted path.
pub(super) fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

/// Lays a value over what is at a dotted path.
pub(super) fn put(main: &mut Value, path: &str, value: Value) {
    join(slot(main, path.split('.')), value);
}

/// Returns the place at a path, which is made when it is not there.
pub(super) fn slot<'a, 'b>(
    main: &'a mut Value,
    path: impl Iterator<Item = &'b str>,
) -> &'a mut Value {
    path.fold(main, |place, key| {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        &mut place[key]
    })
}

/// Lays a value over another: mappings are joined, lists grow, anything else is replaced.
pub(super) fn join(place: &mut Value, value: Value) {
    match (place, value) {
        (Value::Object(entries), Value::Object(more))
            if SecretRef::of(&Value::Object(more.clone())).is_none() =>
        {
            for (key, value) in more {
                join(entries.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(items), Value::Array(more)) => items.extend(more),
        (place, value) => *place = value,
    }
}

/// Takes away keys without a value.
fn without_nothing(value: &mut Value) {
    if let Value::Object(entries) = value {
        entries.retain(|_, value| !value.is_null());
        entries.values_mut().for_each(without_nothing);
    }
}
