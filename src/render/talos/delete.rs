//! `$patch: delete`: what a patch takes away, before the rest of it is merged.
//!
//! A patch document is read first: what it deletes, in its order, and what is left of it. Then the
//! deletions are made. Talos knows its fields, so taking away a field that is not set is nothing
//! wrong; taking a name out of a mapping that does not have it is.

use serde_json::{Map, Value};

use super::MergeError;
use super::fields::{Field, Fields, MAIN, Shape};
use super::merge::{fields_of, identity};
use crate::model::{LeafPath, Step};

const DIRECTIVE: &str = "$patch";

/// The keys of a document that says nothing but what it is.
const HEAD: [&str; 3] = ["version", "kind", "name"];

/// Something to be deleted.
struct Deletion {
    path: LeafPath,
    /// By which key, and with which text, an entry of a list is found.
    entry: Option<(String, String)>,
}

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
    let mut deletions = Vec::new();
    let rest = rest(patch, &LeafPath::default(), &mut deletions)?;
    if deletions.is_empty() && rest.as_ref().is_none_or(says_nothing) {
        return Err(MergeError::Nothing);
    }
    for deletion in deletions {
        let position = position.ok_or_else(|| missing_document(identity))?;
        if deletion.path.is_root() {
            if identity == [None, None] {
                return Err(MergeError::DeletesMain);
            }
            documents.remove(position);
            return Ok(None);
        }
        if let Some(left) = documents.get_mut(position) {
            deletion.make(fields_of(patch), left)?;
        }
    }
    Ok(rest.filter(|rest| !says_nothing(rest)))
}

fn missing_document([kind, name]: [Option<&str>; 2]) -> MergeError {
    let named: Vec<_> = [kind.or(Some(MAIN)), name].into_iter().flatten().collect();
    MergeError::NoDocumentToDelete(named.join("/"))
}

fn says_nothing(document: &Value) -> bool {
    let is_plain = |value: &Value| !(value.is_object() || value.is_array());
    document.as_object().is_some_and(|entries| {
        entries
            .iter()
            .all(|(key, value)| HEAD.contains(&key.as_str()) && is_plain(value))
    })
}

/// Returns what is left of a value of the patch, and collects what it deletes.
fn rest(
    value: &Value,
    path: &LeafPath,
    deletions: &mut Vec<Deletion>,
) -> Result<Option<Value>, MergeError> {
    match value {
        Value::Object(entries) => rest_of_mapping(entries, path, deletions),
        Value::Array(items) => {
            let mut left = Vec::new();
            for (position, item) in items.iter().enumerate() {
                left.extend(rest(item, &path.entry(&position.to_string()), deletions)?);
            }
            let deleted = left.is_empty() && !items.is_empty();
            Ok((!deleted).then_some(Value::Array(left)))
        }
        scalar => Ok(Some(scalar.clone())),
    }
}

fn rest_of_mapping(
    entries: &Map<String, Value>,
    path: &LeafPath,
    deletions: &mut Vec<Deletion>,
) -> Result<Option<Value>, MergeError> {
    let mut left = Map::new();
    for (key, value) in entries {
        if key == DIRECTIVE && value == "delete" {
            deletions.push(deletion(entries, path)?);
            return Ok(None);
        }
        if let Some(value) = rest(value, &path.key(key), deletions)? {
            left.insert(key.clone(), value);
        }
    }
    let deleted = left.is_empty() && !entries.is_empty();
    Ok((!deleted).then_some(Value::Object(left)))
}

/// An entry to be deleted is found by its first other key.
fn deletion(entries: &Map<String, Value>, path: &LeafPath) -> Result<Deletion, MergeError> {
    let is_entry = |step: &Step| matches!(step, Step::Entry(_));
    if !path.steps().last().is_some_and(is_entry) {
        if path.steps().iter().any(is_entry) {
            return Err(MergeError::DeletesInside(path.clone()));
        }
        let path = path.clone();
        return Ok(Deletion { path, entry: None });
    }
    let other = entries.iter().find(|(key, _)| *key != DIRECTIVE);
    let (key, value) = other.ok_or_else(|| MergeError::DeletesUnnamed(path.clone()))?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => String::new(),
        plain => plain.to_string(),
    };
    Ok(Deletion {
        path: path.clone(),
        entry: Some((key.clone(), text)),
    })
}

/// What is known of the place where a deletion has come to.
#[derive(Clone, Copy)]
enum Known<'a> {
    /// A group of fields.
    Fields(&'a Fields),
    /// A value of this shape, and the field that it is in.
    Shape(&'a Shape, &'a Field),
    /// Nothing.
    Nothing,
}

impl Deletion {
    fn make(&self, fields: Option<&Fields>, left: &mut Value) -> Result<(), MergeError> {
        let known = fields.map_or(Known::Nothing, Known::Fields);
        self.descend(self.path.steps(), known, Some(left))
    }

    fn nothing(&self) -> MergeError {
        MergeError::NothingToDelete(self.path.clone())
    }

    fn descend(
        &self,
        steps: &[Step],
        known: Known<'_>,
        left: Option<&mut Value>,
    ) -> Result<(), MergeError> {
        match steps {
            [Step::Key(key), rest @ ..] => self.key(key, rest, known, left),
            [Step::Entry(_)] => self.entry(known, left.ok_or_else(|| self.nothing())?),
            _ => Err(MergeError::DeletesInside(self.path.clone())),
        }
    }

    fn key(
        &self,
        key: &str,
        rest: &[Step],
        known: Known<'_>,
        left: Option<&mut Value>,
    ) -> Result<(), MergeError> {
        let below = match known {
            Known::Fields(fields) => {
                let field = fields.get(key).ok_or_else(|| self.nothing())?;
                match (&field.shape, rest) {
                    (_, []) => {
                        left.and_then(Value::as_object_mut)
                            .and_then(|left| left.shift_remove(key));
                        return Ok(());
                    }
                    // A group that is always there has fields to be taken away, set or not.
                    (Shape::Group { optional: false }, _) => {
                        let left = left.and_then(|left| left.get_mut(key));
                        return self.descend(rest, Known::Fields(&field.fields), left);
                    }
                    (shape, _) => Known::Shape(shape, field),
                }
            }
            Known::Shape(Shape::Group { .. }, field) => {
                return self.key(key, rest, Known::Fields(&field.fields), left);
            }
            Known::Shape(Shape::Map(item), field) => Known::Shape(item, field),
            Known::Shape(shape @ (Shape::Free | Shape::Arguments), field) => {
                Known::Shape(shape, field)
            }
            Known::Shape(..) => return Err(self.nothing()),
            Known::Nothing => Known::Nothing,
        };
        let left = left.and_then(Value::as_object_mut);
        let left = left.ok_or_else(|| self.nothing())?;
        match rest {
            [] => left.shift_remove(key).map(|_| ()),
            rest => {
                let slot = left.get_mut(key).filter(|slot| !slot.is_null());
                return self.descend(rest, below, Some(slot.ok_or_else(|| self.nothing())?));
            }
        }
        .ok_or_else(|| self.nothing())
    }

    /// Talos compares texts, so an entry is not found by a number or by true and false.
    fn entry(&self, known: Known<'_>, left: &mut Value) -> Result<(), MergeError> {
        let (key, text) = self.entry.as_ref().ok_or_else(|| self.nothing())?;
        let is_text = match known {
            Known::Shape(Shape::List(item), field) if matches!(**item, Shape::Group { .. }) => {
                let shape = field.fields.get(key.as_str()).map(|field| &field.shape);
                match shape {
                    Some(Shape::Address(_) | Shape::Bytes) => !text.is_empty(),
                    Some(Shape::Text | Shape::Word(_) | Shape::Url | Shape::Duration) => true,
                    _ => false,
                }
            }
            Known::Nothing => true,
            _ => false,
        };
        let entries = left.as_array_mut().filter(|_| is_text);
        let entries = entries.ok_or_else(|| self.nothing())?;
        let is_meant = |entry: &Value| match entry.get(key) {
            Some(Value::String(value)) => value == text,
            None | Some(Value::Null) => text.is_empty(),
            Some(value) => *text == format!("{value}"),
        };
        let position = entries.iter().position(is_meant);
        entries.remove(position.ok_or_else(|| self.nothing())?);
        Ok(())
    }
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
            refusal(json!({"machine": {"sysctls": {"b": {"$patch": "delete"}}}})),
            "nothing to delete at `machine.sysctls.b`"
        );
        assert_eq!(
            refusal(json!({"a": [{"x": 1, "$patch": "delete"}]})),
            "nothing to delete at `a[0]`"
        );
        assert_eq!(
            refusal(json!({"a": [{"$patch": "delete"}]})),
            "an entry to delete at `a[0]` needs a key by which it is found"
        );
        assert_eq!(
            refusal(json!({"a": [{"x": 1, "y": {"$patch": "delete"}}]})),
            "`a[0].y` is inside an entry of a list, where nothing can be deleted"
        );
        assert_eq!(
            refusal(json!({"$patch": "delete"})),
            "the `v1alpha1` document cannot be deleted as a whole"
        );
        assert_eq!(
            refusal(
                json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "a", "$patch": "delete"})
            ),
            "nothing to delete: there is no `LinkConfig/a`"
        );
    }
}
