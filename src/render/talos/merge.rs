//! Talos' strategic merge: how one set of documents is laid over another.
//!
//! What happens to a field is the machine configuration's own rule, kept as [a table of its
//! fields](super::fields). What the table does not name follows the general rule, so kinds and
//! fields that are not known here merge as well: mappings merge key by key, scalars overwrite, lists
//! are appended, an empty text or a zero overwrites nothing.

use serde_json::{Map, Value};

use super::delete;
use super::fields::{self, Field, Fields, ListRule, Shape, kind_of};
use super::merge_error::MergeError;
use super::url;
use crate::model::LeafPath;
use crate::render::reference::SecretRef;

/// The keys by which Talos knows the document that names no kind.
const MAIN_KEYS: [&str; 4] = ["machine", "cluster", "debug", "persist"];

/// Lays documents over others: each is merged into the one of the same kind and name, or added.
///
/// Something to be deleted must be there; Talos up to 1.13 says the same.
pub fn merge_documents(
    mut documents: Vec<Value>,
    patch: &[Value],
) -> Result<Vec<Value>, MergeError> {
    for document in patch {
        if !document.is_object() {
            return Err(MergeError::NotMapping(kind_of(document)));
        }
        let Some(remainder) = delete::apply(&mut documents, document)? else {
            continue;
        };
        check_head(&remainder)?;
        let identity = identity(&remainder);
        match documents
            .iter_mut()
            .find(|left| self::identity(left) == identity)
        {
            Some(left) => merge_document(left, &remainder)?,
            None => documents.push(remainder),
        }
    }
    Ok(documents)
}

/// Returns what tells one document from another: kind and name. All of them are of version `v1alpha1`.
pub fn identity(document: &Value) -> [Option<&str>; 2] {
    ["kind", "name"].map(|key| document.get(key).and_then(Value::as_str))
}

/// Returns the fields of a document's kind, if the table has it.
pub(super) fn fields_of(document: &Value) -> Option<&'static Fields> {
    let [kind, _] = identity(document);
    fields::kind(kind.unwrap_or(fields::MAIN))
}

/// Talos knows a document by version and kind, and the main one by what it has.
fn check_head(document: &Value) -> Result<(), MergeError> {
    let has = |key: &str| document.get(key).is_some();
    match (has("kind"), has("apiVersion")) {
        (true, true) => Ok(()),
        (true, false) => Err(MergeError::NoVersion),
        (false, _) if has("version") || MAIN_KEYS.into_iter().any(has) => Ok(()),
        (false, _) => Err(MergeError::NoKind),
    }
}

fn merge_document(left: &mut Value, right: &Value) -> Result<(), MergeError> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            merge_fields(fields_of_map(right), left, right)
        }
        (left, _) => Err(MergeError::NotMapping(kind_of(left))),
    }
}

fn fields_of_map(document: &Map<String, Value>) -> Option<&'static Fields> {
    let kind = document.get("kind").and_then(Value::as_str);
    fields::kind(kind.unwrap_or(fields::MAIN))
}

fn merge_fields(
    fields: Option<&Fields>,
    left: &mut Map<String, Value>,
    right: &Map<String, Value>,
) -> Result<(), MergeError> {
    for (key, value) in right {
        let field = fields.and_then(|fields| fields.get(key.as_str()));
        match left.get_mut(key) {
            Some(slot) if !slot.is_null() => {
                merge_field(field, slot, value).map_err(|error| error.below(key))?;
            }
            _ if value.is_null() => {}
            _ => {
                left.insert(key.clone(), value.clone());
            }
        }
    }
    match fields {
        Some(fields) => take_anew(fields, left, right),
        None => Ok(()),
    }
}

/// Talos takes some fields from the patch even where it does not mention them, and cannot merge
/// others at all.
fn take_anew(
    fields: &Fields,
    left: &mut Map<String, Value>,
    right: &Map<String, Value>,
) -> Result<(), MergeError> {
    for (name, field) in fields {
        match field.shape {
            Shape::Anew if !right.contains_key(*name) => {
                left.shift_remove(*name);
            }
            Shape::Fixed { optional: false } => {
                return Err(MergeError::Unmergeable(LeafPath::default()).below(name));
            }
            Shape::Group { optional: false } if !right.contains_key(*name) => {
                if let Some(Value::Object(left)) = left.get_mut(*name) {
                    take_anew(&field.fields, left, &Map::new())?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn merge_field(field: Option<&Field>, left: &mut Value, right: &Value) -> Result<(), MergeError> {
    let Some(field) = field else {
        return merge_unknown(left, right);
    };
    if right.is_null() {
        return Ok(());
    }
    if field.is_replaced {
        left.clone_from(right);
        return Ok(());
    }
    merge_shape(&field.shape, field, left, right)
}

fn merge_shape(
    shape: &Shape,
    field: &Field,
    left: &mut Value,
    right: &Value,
) -> Result<(), MergeError> {
    match (shape, &mut *left, right) {
        (Shape::Group { .. }, Value::Object(left), Value::Object(right)) => {
            merge_fields(Some(&field.fields), left, right)
        }
        (Shape::Map(item), Value::Object(left), Value::Object(right)) => {
            merge_names(left, right, |slot, value| {
                merge_shape(item, field, slot, value)
            })
        }
        (Shape::List(_), Value::Array(left), Value::Array(right)) => merge_list(field, left, right),
        (Shape::Arguments, Value::Object(left), Value::Object(right)) => {
            left.extend(right.clone());
            Ok(())
        }
        (Shape::Free, Value::Object(left), Value::Object(right)) => merge_free_mapping(left, right),
        (Shape::Pem(_), ..) => {
            left.clone_from(right);
            Ok(())
        }
        (Shape::Fixed { .. }, ..) => Err(MergeError::Unmergeable(LeafPath::default())),
        (Shape::Url, left, right) => url::merge(left, right),
        (_, left, right) if is_scalar(left) && is_scalar(right) => {
            if counts(shape, left, right) {
                left.clone_from(right);
            }
            Ok(())
        }
        (_, left, right) => Err(clash(left, right)),
    }
}

/// Tells whether a value overwrites: Go's zero values do not.
fn counts(shape: &Shape, left: &Value, right: &Value) -> bool {
    let text = right.as_str();
    match shape {
        Shape::Word(nothing) => text != Some("") && text != Some(nothing),
        Shape::Duration => {
            !text.is_some_and(|text| text.chars().all(|c| !c.is_ascii_digit() || c == '0'))
                && !is_zero(right)
        }
        Shape::Number { zero_counts, .. } => *zero_counts || !is_zero(right),
        Shape::Anew | Shape::Bytes | Shape::Flag => true,
        // Of two sizes the one in bytes wins.
        Shape::Size => {
            let percent = |value: &Value| value.as_str().is_some_and(|text| text.contains('%'));
            !is_empty(right) && (percent(left) || !percent(right))
        }
        _ => !is_empty(right),
    }
}

fn merge_names(
    left: &mut Map<String, Value>,
    right: &Map<String, Value>,
    merge: impl Fn(&mut Value, &Value) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    for (key, value) in right {
        match left.get_mut(key) {
            Some(slot) if !slot.is_null() && !value.is_null() => {
                merge(slot, value).map_err(|error| error.below(key))?;
            }
            Some(slot) if !slot.is_null() => {}
            _ => {
                left.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn merge_list(field: &Field, left: &mut Vec<Value>, right: &[Value]) -> Result<(), MergeError> {
    let known = left.len();
    for entry in right {
        match &field.list {
            ListRule::Append => left.push(entry.clone()),
            ListRule::ReplaceBy(key) => {
                let same = |candidate: &Value| key_of(candidate, key) == key_of(entry, key);
                match left.iter_mut().take(known).rev().find(|slot| same(slot)) {
                    Some(slot) => slot.clone_from(entry),
                    None => left.push(entry.clone()),
                }
            }
            ListRule::MergeBy(keys) => match find(keys, left, entry) {
                Some(slot) => match (slot, entry) {
                    (Value::Object(left), Value::Object(right)) => {
                        merge_fields(Some(&field.fields), left, right)?;
                    }
                    (left, right) => return Err(clash(left, right)),
                },
                None => left.push(entry.clone()),
            },
        }
    }
    Ok(())
}

/// Finds the entry with the same value of the first key that says something. Where there is one key
/// only, saying nothing is a value as well.
fn find<'a>(keys: &[&str], left: &'a mut [Value], entry: &Value) -> Option<&'a mut Value> {
    let key = match keys {
        [key] => key,
        keys => keys.iter().find(|key| key_of(entry, key).is_some())?,
    };
    let wanted = key_of(entry, key);
    left.iter_mut()
        .find(|candidate| key_of(candidate, key) == wanted)
}

/// Returns what an entry is known by; nothing when that is empty.
fn key_of<'a>(entry: &'a Value, key: &str) -> Option<&'a Value> {
    entry
        .get(key)
        .filter(|value| !value.is_null() && !is_empty(value))
}

/// Another program's settings keep the types of their values.
fn merge_free(left: &mut Value, right: &Value) -> Result<(), MergeError> {
    if is_scalar(left) && is_scalar(right) {
        if free_type(left) != free_type(right) {
            return Err(clash(left, right));
        }
        if right.is_boolean() || !is_empty(right) {
            left.clone_from(right);
        }
        return Ok(());
    }
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => merge_free_mapping(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.extend(right.iter().cloned());
            Ok(())
        }
        (left, right) => Err(clash(left, right)),
    }
}

fn merge_free_mapping(
    left: &mut Map<String, Value>,
    right: &Map<String, Value>,
) -> Result<(), MergeError> {
    for (key, value) in right {
        match left.get_mut(key) {
            Some(slot) if !slot.is_null() => {
                merge_free(slot, value).map_err(|error| error.below(key))?;
            }
            _ => {
                left.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

/// A reference to a secret will be a text.
fn free_type(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "text",
        value => kind_of(value),
    }
}

/// The general rule.
fn merge_unknown(left: &mut Value, right: &Value) -> Result<(), MergeError> {
    if right.is_null() {
        return Ok(());
    }
    match (left, right) {
        (left, right) if is_scalar(left) && is_scalar(right) => {
            if !is_empty(right) {
                left.clone_from(right);
            }
            Ok(())
        }
        (Value::Object(left), Value::Object(right)) => merge_fields(None, left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.extend(right.iter().cloned());
            Ok(())
        }
        (left, right) => Err(clash(left, right)),
    }
}

fn clash(left: &Value, right: &Value) -> MergeError {
    MergeError::Clash {
        path: LeafPath::default(),
        left: kind_of(left),
        right: kind_of(right),
    }
}

/// A secret reference stands for the text that it refers to.
fn is_scalar(value: &Value) -> bool {
    !(value.is_object() || value.is_array()) || SecretRef::of(value).is_some()
}

fn is_empty(value: &Value) -> bool {
    value.as_str() == Some("") || is_zero(value)
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(left: Value, patch: Value) -> Value {
        let mut documents = merge_documents(vec![left], &[patch]).expect("merges");
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    #[test]
    fn lists_grow_scalars_change_and_what_is_not_named_stays() {
        let left =
            json!({"machine": {"certSANs": ["a"], "install": {"disk": "/dev/sda", "wipe": true}}});
        let patch =
            json!({"machine": {"certSANs": ["b"], "install": {"disk": "/dev/vda", "wipe": false}}});
        let expected = json!({"machine": {"certSANs": ["a", "b"], "install": {"disk": "/dev/vda", "wipe": false}}});
        assert_eq!(merged(left, patch), expected);
    }

    #[test]
    fn empty_text_and_zero_overwrite_nothing() {
        let left = json!({"cluster": {"clusterName": "a"}, "n": 1});
        let patch = json!({"cluster": {"clusterName": ""}, "n": 0, "new": ""});
        assert_eq!(
            merged(left, patch),
            json!({"cluster": {"clusterName": "a"}, "n": 1, "new": ""})
        );
    }

    #[test]
    fn some_lists_are_replaced() {
        let left = json!({"cluster": {"network": {"podSubnets": ["10.244.0.0/16"], "other": [1]}}});
        let patch = json!({"cluster": {"network": {"podSubnets": ["10.42.0.0/16"], "other": [2]}}});
        let expected =
            json!({"cluster": {"network": {"podSubnets": ["10.42.0.0/16"], "other": [1, 2]}}});
        assert_eq!(merged(left, patch), expected);
    }

    #[test]
    fn some_lists_are_merged_by_key() {
        let left = json!({"machine": {"network": {"interfaces": [
            {"interface": "eth0", "dhcp": true, "vlans": [{"vlanId": 4, "mtu": 1500}]},
        ]}}});
        let patch = json!({"machine": {"network": {"interfaces": [
            {"interface": "eth0", "mtu": 9000, "vlans": [{"vlanId": 4, "mtu": 1400}, {"vlanId": 5}]},
            {"deviceSelector": {"driver": "x"}},
        ]}}});
        let expected = json!({"machine": {"network": {"interfaces": [
            {"interface": "eth0", "dhcp": true, "vlans": [{"vlanId": 4, "mtu": 1400}, {"vlanId": 5}], "mtu": 9000},
            {"deviceSelector": {"driver": "x"}},
        ]}}});
        assert_eq!(merged(left, patch), expected);
    }

    #[test]
    fn documents_are_found_by_kind_and_name_or_added() {
        let documents = vec![
            json!({"machine": {}}),
            json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "a", "mtu": 1}),
        ];
        let patch = [
            json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "b"}),
            json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "a", "mtu": 2}),
        ];
        let merged = merge_documents(documents, &patch).expect("merges");
        assert_eq!(merged.len(), 3);
        assert_eq!(merged[1]["mtu"], 2);
        assert_eq!(merged[2]["name"], "b");
    }

    #[test]
    fn a_reference_is_a_scalar_on_either_side() {
        let reference = json!({"secretRef": "a#b"});
        let left = json!({"machine": {"token": reference}, "cluster": {"token": "x"}});
        let patch = json!({"machine": {"token": "plain"}, "cluster": {"token": reference}});
        assert_eq!(
            merged(left, patch),
            json!({"machine": {"token": "plain"}, "cluster": {"token": reference}})
        );
    }

    #[test]
    fn what_cannot_be_merged_is_named() {
        let clash = merge_documents(
            vec![json!({"machine": {"b": [1]}})],
            &[json!({"machine": {"b": {}}})],
        );
        let clash = clash.expect_err("differs").to_string();
        assert_eq!(
            clash,
            "`machine.b` is a list, and a mapping cannot be merged into it"
        );
        assert_eq!(
            merge_documents(Vec::new(), &[json!([1])]),
            Err(MergeError::NotMapping("a list"))
        );
    }
}
