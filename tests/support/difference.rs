//! Where two values differ, in one line: whole configurations are too long to look at.

use serde_json::Value;

/// Fails at the first place where two values differ.
#[track_caller]
pub fn assert_same(ours: &Value, theirs: &Value, what: &str) {
    if let Some(difference) = first("", ours, theirs) {
        panic!("{what}: {difference}");
    }
}

/// Fails at the first place where something of ours is not in theirs; what they add does not matter.
#[track_caller]
pub fn assert_kept(ours: &Value, theirs: &Value, what: &str) {
    if let Some(difference) = lost("", ours, theirs) {
        panic!("{what}: {difference}");
    }
}

fn lost(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(entries), Value::Object(_)) => entries
            .iter()
            .find_map(|(key, value)| lost(&format!("{path}/{key}"), value, &theirs[key])),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (a, b))| lost(&format!("{path}/{index}"), a, b)),
        _ if ours == theirs => None,
        _ => Some(format!("{path}: we say {ours}, Talos says {theirs}")),
    }
}

fn first(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            first(&format!("{path}/{key}"), &ours[key], &theirs[key]).or_else(|| {
                (a.contains_key(key) != b.contains_key(key))
                    .then(|| format!("{path}/{key} is there on one side only"))
            })
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (a, b))| first(&format!("{path}/{index}"), a, b))
        }
        _ if ours == theirs => None,
        _ => Some(format!("{path}: we say {ours}, Talos says {theirs}")),
    }
}
