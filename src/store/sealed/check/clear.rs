//! Kubernetes Secrets whose values anybody can read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sops_rs::{Document, Mapping, Step, Value, ValuePath};

use super::file::Subject;
use super::finding::{Code, Finding};
use crate::store::sealed::RULES_FILE;

/// Finds the Secrets of a plain file that hold something.
pub(super) fn clear_secrets(subject: &Subject<'_>, document: &Document) -> Vec<Finding> {
    let documents = document.tree().documents.iter().enumerate();
    let clear = documents.filter_map(|(index, document)| {
        let (section, key) = clear_value(document)?;
        let path = ValuePath::document(index)
            .join(Step::Key(section.to_owned()))
            .join(Step::Key(key.to_owned()));
        let name = document
            .get("metadata")
            .and_then(|metadata| match metadata {
                Value::Mapping(metadata) => metadata.get("name")?.as_str(),
                _ => None,
            });
        Some(subject.finding(
            Code::ClearSecret,
            subject.line(&path),
            format!(
                "the Secret `{}` holds `{path}` in the clear",
                name.unwrap_or("?")
            ),
            remedy(subject),
        ))
    });
    clear.collect()
}

/// A file that no rule is for cannot be encrypted before there is one.
fn remedy(subject: &Subject<'_>) -> String {
    let first = match subject.rule {
        Some(_) => String::new(),
        None => format!("add a rule for it to `{RULES_FILE}`, then "),
    };
    format!(
        "{first}run `homelab secrets encrypt {}`; a value that was pushed is to be replaced",
        subject.file
    )
}

/// Tells whether a document is a Kubernetes Secret.
pub(super) fn is_secret(document: &Mapping) -> bool {
    let text = |key| document.get(key).and_then(Value::as_str);
    text("kind") == Some("Secret") && text("apiVersion") == Some("v1")
}

/// The first value of a Secret that says something to whoever reads it.
pub(super) fn clear_value(document: &Mapping) -> Option<(&'static str, &str)> {
    if !is_secret(document) {
        return None;
    }
    ["data", "stringData"].into_iter().find_map(|section| {
        let Value::Mapping(values) = document.get(section)? else {
            return None;
        };
        let mut entries = values.entries();
        let clear = entries.find(|entry| holds_something(&entry.value))?;
        Some((section, clear.key.as_str()))
    })
}

/// Tells whether a value, or one within it, says something. Nesting may be deep: nothing recurses.
fn holds_something(value: &Value) -> bool {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Scalar(scalar) if scalar.as_str().is_none_or(says_something) => return true,
            Value::Null | Value::Scalar(_) => {}
            Value::Mapping(mapping) => left.extend(mapping.entries().map(|entry| &entry.value)),
            Value::Sequence(_) => left.extend(value.elements().into_iter().flatten()),
        }
    }
    false
}

/// Tells whether a text is more than nothing, a variable that Flux fills in, or a file that is
/// encrypted itself.
fn says_something(text: &str) -> bool {
    let text = text.trim();
    let is_variable = text.starts_with("${") && text.ends_with('}');
    !(text.is_empty() || is_variable || is_sealed(text.as_bytes()) || is_sealed_base64(text))
}

/// Tells whether there is an encrypted value in a text.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"ENC[AES256_GCM,";
    bytes.windows(MARK.len()).any(|part| part == MARK)
}

fn is_sealed_base64(text: &str) -> bool {
    let compact: String = text.split_whitespace().collect();
    STANDARD
        .decode(compact)
        .is_ok_and(|bytes| is_sealed(&bytes))
}
