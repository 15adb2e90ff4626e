//! The parts of a JSON schema that checks read, and the words in which people hear of them.

use regex::Regex;
use serde_json::{Map, Value};

use crate::yaml::{Node, NodeKind};

/// Tells whether a text has the form that a schema asks for.
pub(super) fn fits(text: &str, schema: &Map<String, Value>) -> bool {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let pattern = pattern.and_then(|pattern| Regex::new(pattern).ok());
    pattern.is_none_or(|pattern| pattern.is_match(text))
}

/// Returns the types that a schema allows; none means all.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    schema.as_object().map(schema_types).unwrap_or_default()
}

/// Returns the types that a schema allows; none means all.
pub(super) fn schema_types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ if schema.contains_key("properties") => vec!["object"],
        _ if schema.contains_key("oneOf") => vec!["string"],
        _ => Vec::new(),
    }
}

/// Returns the values that are allowed, when the schema lists them in one of three ways.
pub(super) fn choices(schema: &Map<String, Value>) -> Option<Vec<&Value>> {
    if let Some(only) = schema.get("const") {
        return Some(vec![only]);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return Some(values.iter().collect());
    }
    let Some(Value::Array(variants)) = schema.get("oneOf") else {
        return None;
    };
    variants
        .iter()
        .map(|variant| variant.get("const"))
        .collect()
}

/// Tells whether a value has a type, in the schema's words.
pub(super) fn is(node: &Node, name: &str) -> bool {
    match (&node.kind, name) {
        (NodeKind::Mapping(_), "object") | (NodeKind::Sequence(_), "array") => true,
        (NodeKind::Scalar(value), _) => match value {
            Value::String(_) => name == "string",
            Value::Bool(_) => name == "boolean",
            Value::Number(number) => name == "number" || (name == "integer" && !number.is_f64()),
            _ => name == "null",
        },
        _ => false,
    }
}

/// Returns the name of a type, for people.
pub(super) fn type_name(name: &str) -> &'static str {
    match name {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a text",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        _ => "nothing",
    }
}

/// Says what was found, for people.
pub(super) fn found(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(Value::Null) => "nothing".to_owned(),
        NodeKind::Scalar(value) => format!("{} (`{}`)", node.kind_name(), plain(value)),
        _ => node.kind_name().to_owned(),
    }
}

/// Says how to write what was probably meant.
pub(super) fn type_help(node: &Node, allowed: &[&str]) -> Option<String> {
    let wants = |name: &str| allowed.contains(&name);
    match &node.kind {
        NodeKind::Scalar(Value::Null) if wants("object") => {
            Some("write `{}` for nothing but defaults".to_owned())
        }
        NodeKind::Scalar(Value::Null) => Some("leave the key out, or give it a value".to_owned()),
        NodeKind::Scalar(Value::Number(_) | Value::Bool(_)) if wants("string") => {
            Some("put it in quotes".to_owned())
        }
        NodeKind::Scalar(Value::String(text)) if wants("boolean") => {
            match text.to_lowercase().as_str() {
                "yes" | "on" | "y" => Some("write `true`".to_owned()),
                "no" | "off" | "n" => Some("write `false`".to_owned()),
                _ => None,
            }
        }
        NodeKind::Scalar(Value::String(text)) if wants("array") => {
            Some(format!("write `[{text}]`"))
        }
        _ => None,
    }
}

/// Returns a scalar as it reads in YAML, without quotes.
pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Lists names, each in backticks.
pub(super) fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
