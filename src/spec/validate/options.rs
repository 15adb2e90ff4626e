//! A component's options: checked against the catalogue's schema, completed with its defaults.

use serde_json::{Map, Value};

use super::Findings;
use crate::catalog::Component;
use crate::spec::structure::{Place, Structure};
use crate::yaml::{Entry, Node, NodeKind};

/// Keys of an entry that are no options.
const RESERVED: &[&str] = &["version", "values", "chart"];

/// Returns all options: what is written, over the catalogue's defaults.
pub(super) fn complete(
    entry: &Entry,
    component: &Component,
    findings: &mut Findings,
) -> Map<String, Value> {
    let schema = strict(&component.options);
    let written: Vec<_> = entry
        .value
        .entries()
        .iter()
        .filter(|option| !RESERVED.contains(&option.key.as_str()))
        .cloned()
        .collect();
    let node = Node {
        span: entry.value.span,
        kind: NodeKind::Mapping(written),
    };
    let mut structure = Structure::new(&schema);
    let place = Place {
        span: entry.key_span,
        name: &entry.key,
    };
    let checked = structure.check(&node, &schema, place);
    findings.extend(structure.finish().0);
    let mut value = checked.map_or(Value::Object(Map::new()), |node| node.to_value());
    fill(&mut value, &schema);
    match value {
        Value::Object(options) => options,
        _ => Map::new(),
    }
}

/// A component takes no options but those it describes.
fn strict(options: &Map<String, Value>) -> Value {
    let mut schema = options.clone();
    schema.entry("type").or_insert_with(|| "object".into());
    schema
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    schema
        .entry("additionalProperties")
        .or_insert(Value::Bool(false));
    Value::Object(schema)
}

/// Adds the defaults of keys that are not there, at every depth.
fn fill(value: &mut Value, schema: &Value) {
    let (Value::Object(entries), Some(Value::Object(properties))) =
        (value, schema.get("properties"))
    else {
        return;
    };
    for (name, property) in properties {
        if let (false, Some(default)) = (entries.contains_key(name), property.get("default")) {
            entries.insert(name.clone(), default.clone());
        }
        if let Some(value) = entries.get_mut(name) {
            fill(value, property);
        }
    }
}
