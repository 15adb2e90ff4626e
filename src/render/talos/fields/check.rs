//! What Talos would not even read: fields that it does not have, values of another kind.

use serde_json::Value;

use super::MAIN;
use super::load::kind;
use super::shape::{Field, Fields, Shape};
use crate::model::LeafPath;
use crate::render::reference::SecretRef;
use crate::render::talos::Contract;

/// Something that Talos' strict reading refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub path: LeafPath,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no such field.
    #[error("Talos has no field `{0}` here")]
    UnknownField(String),
    /// An older release has no such field.
    #[error("Talos has the field `{0}` since v1.14 only")]
    TooNew(String),
    /// The value is of another kind.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the field holds.
        expected: &'static str,
        /// What it was given.
        found: &'static str,
    },
}

/// Returns what the newest Talos would refuse to read of a document; nothing for a kind that is not known.
pub fn violations(document: &Value) -> Vec<Violation> {
    violations_of(Contract::NEWEST, document)
}

/// Returns what a release would refuse to read of a document; nothing for a kind that is not known.
pub fn violations_of(contract: Contract, document: &Value) -> Vec<Violation> {
    let name = document.get("kind").and_then(Value::as_str);
    let Some(fields) = kind(name.unwrap_or(MAIN)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if is_deletion(document) {
        return found;
    }
    let head = name.map_or(&[][..], |_| &["apiVersion", "kind"]);
    check_fields(fields, document, &LeafPath::default(), head, &mut found);
    if contract < Contract::V1_14Alpha {
        too_new(fields, document, &LeafPath::default(), &mut found);
    }
    found
}

/// Fields that only 1.14 has.
fn too_new(fields: &Fields, value: &Value, path: &LeafPath, found: &mut Vec<Violation>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let Some(field) = fields.get(key.as_str()) else {
            continue;
        };
        let path = path.key(key);
        if field.is_new {
            found.push(Violation {
                problem: Problem::TooNew(key.clone()),
                path,
            });
            continue;
        }
        too_new(&field.fields, value, &path, found);
        for (position, item) in value.as_array().into_iter().flatten().enumerate() {
            too_new(
                &field.fields,
                item,
                &path.entry(&position.to_string()),
                found,
            );
        }
    }
}

fn check_fields(
    fields: &Fields,
    value: &Value,
    path: &LeafPath,
    head: &[&str],
    found: &mut Vec<Violation>,
) {
    let Some(entries) = value.as_object() else {
        return wrong(path, "a mapping", value, found);
    };
    for (key, value) in entries {
        let path = path.key(key);
        match fields.get(key.as_str()) {
            Some(field) => check(&field.shape, field, value, &path, found),
            None if head.contains(&key.as_str()) => {}
            None => found.push(Violation {
                problem: Problem::UnknownField(key.clone()),
                path,
            }),
        }
    }
}

fn check(shape: &Shape, field: &Field, value: &Value, path: &LeafPath, found: &mut Vec<Violation>) {
    if value.is_null() || is_deletion(value) {
        return;
    }
    match shape {
        Shape::Group { .. } => check_fields(&field.fields, value, path, &[], found),
        Shape::List(item) => match value.as_array() {
            Some(items) => {
                for (position, value) in items.iter().enumerate() {
                    check(
                        item,
                        field,
                        value,
                        &path.entry(&position.to_string()),
                        found,
                    );
                }
            }
            None => wrong(path, "a list", value, found),
        },
        Shape::Map(item) => match value.as_object() {
            Some(entries) => {
                for (key, value) in entries {
                    check(item, field, value, &path.key(key), found);
                }
            }
            None => wrong(path, "a mapping", value, found),
        },
        Shape::Pem(keys) => {
            check_fields(&Fields::new(), value, path, keys, found);
            for (key, value) in keys.iter().filter_map(|key| Some((key, value.get(key)?))) {
                check(&Shape::Text, field, value, &path.key(key), found);
            }
        }
        Shape::Free | Shape::Arguments if value.is_object() => {}
        Shape::Free | Shape::Arguments => wrong(path, "a mapping", value, found),
        Shape::Flag if value.is_boolean() => {}
        Shape::Flag => wrong(path, "true or false", value, found),
        Shape::Number { bits, .. } => number(*bits, value, path, found),
        _ if SecretRef::of(value).is_some() => {}
        _ if value.is_object() || value.is_array() => wrong(path, "text", value, found),
        _ => {}
    }
}

/// A whole number, and one that its field has room for.
fn number(bits: Option<u32>, value: &Value, path: &LeafPath, found: &mut Vec<Violation>) {
    let fits = value.as_u64().is_some_and(|number| match bits {
        None => i64::try_from(number).is_ok(),
        Some(bits) => number.checked_shr(bits).is_none_or(|rest| rest == 0),
    });
    if fits || bits.is_none() && value.is_i64() {
        return;
    }
    if value.is_i64() || value.is_u64() {
        let expected = match bits {
            None => "a smaller number",
            Some(8) => "a number from 0 to 255",
            Some(16) => "a number from 0 to 65535",
            Some(32) => "a number from 0 to 4294967295",
            Some(_) => "a number from 0 on",
        };
        found.push(Violation {
            path: path.clone(),
            problem: Problem::WrongType {
                expected,
                found: "another one",
            },
        });
    } else {
        wrong(path, "a whole number", value, found);
    }
}

/// What a patch deletes is not read.
fn is_deletion(value: &Value) -> bool {
    value.get("$patch").is_some_and(|word| word == "delete")
}

fn wrong(path: &LeafPath, expected: &'static str, value: &Value, found: &mut Vec<Violation>) {
    found.push(Violation {
        path: path.clone(),
        problem: Problem::WrongType {
            expected,
            found: kind_of(value),
        },
    });
}

/// Names what a value is.
pub(in crate::render::talos) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
