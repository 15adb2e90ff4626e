//! Opened files, in memory, as the source of secret references.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use zeroize::Zeroize;

use crate::model::Secret;
use crate::render::reference::{SecretRef, SecretSource};

/// The content of opened files, by path relative to the repository's root.
#[derive(Default)]
pub struct Sources {
    files: BTreeMap<Utf8PathBuf, Document>,
}

/// A document whose text is wiped from memory when it is dropped.
struct Document(Value);

impl Sources {
    /// Tells whether a file is opened already.
    pub(super) fn contains(&self, file: &Utf8Path) -> bool {
        self.files.contains_key(file)
    }

    /// Adds a file's content.
    pub(super) fn insert(&mut self, file: Utf8PathBuf, content: Value) {
        self.files.insert(file, Document(content));
    }
}

impl SecretSource for Sources {
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let document = self.files.get(Utf8Path::new(&reference.file))?;
        find(&document.0, &reference.path).map(Secret::new)
    }
}

/// Finds the text at a dotted path. A key may hold dots itself, as file names in a Secret do: the
/// longest key wins.
pub(super) fn find(value: &Value, path: &str) -> Option<String> {
    let entries = value.as_object()?;
    if let Some(value) = entries.get(path) {
        return scalar(value);
    }
    let mut dots = path.rmatch_indices('.').map(|(dot, _)| dot);
    dots.find_map(|dot| find(entries.get(&path[..dot])?, &path[dot + 1..]))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str) -> Option<String> {
        let mut sources = Sources::default();
        let content = json!({
            "a": {"b": "deep", "b.c": "dotted", "n": 1, "list": []},
            "tls.crt": {"x": "y"},
        });
        sources.insert("f.sops.yaml".into(), content);
        let value = sources.lookup(&SecretRef::new("f.sops.yaml", path))?;
        Some(value.expose().clone())
    }

    #[test]
    fn finds_values_by_dotted_path_even_through_keys_with_dots() {
        assert_eq!(found("a.b").as_deref(), Some("deep"));
        assert_eq!(found("a.b.c").as_deref(), Some("dotted"));
        assert_eq!(found("tls.crt.x").as_deref(), Some("y"));
        assert_eq!(found("a.n").as_deref(), Some("1"));
    }

    #[test]
    fn finds_no_more_than_is_there() {
        for path in ["a", "a.x", "a.list", "a.b.x", "", "."] {
            assert_eq!(found(path), None, "{path:?}");
        }
    }
}
