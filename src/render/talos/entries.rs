//! By what people know an entry of a list, so that its place does not depend on its position.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::LeafPath;

/// Keys by which entries of lists are known, the best first.
const KEYS: &[&str] = &[
    "name",
    "interface",
    "vlanId",
    "mountPath",
    "destination",
    "path",
    "device",
    "slot",
    "network",
    "address",
    "url",
    "endpoint",
    "image",
    "subnet",
];

/// Returns the key that tells the entries of every one of these lists apart, if there is one.
pub fn key(lists: &[&[Value]]) -> Option<&'static str> {
    let tells_apart = |key: &str, list: &[Value]| {
        let names: Option<BTreeSet<_>> = list.iter().map(|entry| name(key, entry)).collect();
        names.is_some_and(|names| names.len() == list.len())
    };
    let mut keys = KEYS.iter().copied();
    keys.find(|key| lists.iter().all(|list| tells_apart(key, list)))
}

/// Returns the place of an entry that is known by this key.
pub fn place(list: &LeafPath, key: &str, entry: &Value) -> LeafPath {
    let name = name(key, entry).unwrap_or_default();
    list.entry(&format!("{key}={name}"))
}

fn name(key: &str, entry: &Value) -> Option<String> {
    match entry.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
