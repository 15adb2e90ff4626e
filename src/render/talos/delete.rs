//! `$patch: delete`: what a patch takes away, before the rest of it is merged.

use serde_json::{Map, Value};

use super::MergeError;
use super::merge::identity;

const DIRECTIVE: &str = "$patch";

/// Deletes what the patch document asks to be deleted; returns the rest of it, if any is left to
/// be merged.
pub(super) fn apply(
    documents: &mut Vec<Value>,
    patch: &Value,
) -> Result<Option<Value>, MergeError> {
    let identity = identity(patch);
    let position = documents
        .iter()
        .position(|left| self::identity(left) == identity);
    if deletes(patch) {
        let [_, kind, name] = identity;
        let kind = kind.ok_or(MergeError::DeletesMain)?;
        let named = [Some(kind), name]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("/");
        let position = position.ok_or(MergeError::NothingToDelete(named))?;
        documents.remove(position);
        return Ok(None);
    }
    let mut nothing = Value::Null;
    let left = position.and_then(|position| documents.get_mut(position));
    walk(left.unwrap_or(&mut nothing), patch, "")
}

fn deletes(value: &Value) -> bool {
    value.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

/// Goes down both sides together; returns what is left of the patch.
fn walk(left: &mut Value, patch: &Value, place: &str) -> Result<Option<Value>, MergeError> {
    match patch {
        Value::Object(entries) => {
            let rest = walk_mapping(left, entries, place)?;
            let only_deleted = rest.is_empty() && !entries.is_empty();
            Ok((!only_deleted).then_some(Value::Object(rest)))
        }
        Value::Array(items) => {
            let rest = walk_list(left, items, place)?;
            let only_deleted = rest.is_empty() && !items.is_empty();
            Ok((!only_deleted).then_some(Value::Array(rest)))
        }
        scalar => Ok(Some(scalar.clone())),
    }
}

fn walk_mapping(
    left: &mut Value,
    entries: &Map<String, Value>,
    path: &str,
) -> Result<Map<String, Value>, MergeError> {
    let mut rest = Map::new();
    for (key, value) in entries {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if deletes(value) {
            left.as_object_mut()
                .and_then(|left| left.shift_remove(key))
                .ok_or(MergeError::NothingToDelete(path))?;
            continue;
        }
        let mut nothing = Value::Null;
        let slot = left.get_mut(key).unwrap_or(&mut nothing);
        if let Some(value) = walk(slot, value, &path)? {
            rest.insert(key.clone(), value);
        }
    }
    Ok(rest)
}

/// An entry to be deleted names the entries it means by its first other key.
fn walk_list(left: &mut Value, items: &[Value], path: &str) -> Result<Vec<Value>, MergeError> {
    let mut rest = Vec::new();
    for item in items {
        if !deletes(item) {
            rest.push(item.clone());
            continue;
        }
        let (key, value) = item
            .as_object()
            .and_then(|entries| entries.iter().find(|(key, _)| *key != DIRECTIVE))
            .ok_or_else(|| MergeError::DeletesUnnamed(path.to_owned()))?;
        let entries = left
            .as_array_mut()
            .ok_or_else(|| MergeError::NothingToDelete(path.to_owned()))?;
        let before = entries.len();
        entries.retain(|entry| entry.get(key) != Some(value));
        if entries.len() == before {
            return Err(MergeError::NothingToDelete(path.to_owned()));
        }
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::merge_documents;
    use super::*;

    fn merged(left: Value, patch: Value) -> Result<Vec<Value>, MergeError> {
        merge_documents(
            vec![
                json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig"}),
                left,
            ],
            &[patch],
        )
    }

    #[test]
    fn takes_away_a_key_and_merges_the_rest() {
        let left = json!({"cluster": {"network": {"cni": {"name": "none"}, "dnsDomain": "x"}}});
        let patch =
            json!({"cluster": {"network": {"cni": {"$patch": "delete"}, "dnsDomain": "y"}}});
        let merged = merged(left, patch).expect("merges");
        assert_eq!(
            merged[1],
            json!({"cluster": {"network": {"dnsDomain": "y"}}})
        );
    }

    #[test]
    fn takes_away_entries_of_a_list() {
        let left = json!({"machine": {"network": {"interfaces": [{"interface": "eth0"}, {"interface": "eth1"}]}}});
        let patch = json!({"machine": {"network": {"interfaces": [{"interface": "eth1", "$patch": "delete"}]}}});
        let merged = merged(left, patch).expect("merges");
        assert_eq!(
            merged[1],
            json!({"machine": {"network": {"interfaces": [{"interface": "eth0"}]}}})
        );
    }

    #[test]
    fn takes_away_a_document() {
        let patch = json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig", "$patch": "delete"});
        assert_eq!(merged(json!({"a": 1}), patch), Ok(vec![json!({"a": 1})]));
    }

    #[test]
    fn refuses_what_cannot_be_taken_away() {
        let refusal = |patch| {
            merged(json!({"a": [1]}), patch)
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            refusal(json!({"b": {"$patch": "delete"}})),
            "nothing to delete at `b`"
        );
        assert_eq!(
            refusal(json!({"a": [{"x": 1, "$patch": "delete"}]})),
            "nothing to delete at `a`"
        );
        assert_eq!(
            refusal(json!({"a": [{"$patch": "delete"}]})),
            "an entry to delete at `a` needs a key by which it is found"
        );
        assert_eq!(
            refusal(json!({"$patch": "delete"})),
            "the `v1alpha1` document cannot be deleted as a whole"
        );
        assert_eq!(
            refusal(
                json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "a", "$patch": "delete"})
            ),
            "nothing to delete at `LinkConfig/a`"
        );
    }
}
