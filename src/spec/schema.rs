//! The JSON schema of `homelab.yaml`, made from the raw types.

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Value, json};

use super::raw::RawFile;

/// The schema as it is committed for editors.
const COMMITTED: &str = include_str!("../../docs/schema/homelab.schema.json");

/// Returns the JSON schema (draft 2020-12) of `homelab.yaml`.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(current);
    &SCHEMA
}

/// Reading what is committed takes a quarter of the time that making it takes, of every run. A test holds
/// it to what the types say; while they are worked on, they say it themselves.
fn current() -> Value {
    if cfg!(debug_assertions) {
        generate()
    } else {
        serde_json::from_str(COMMITTED).expect("what a test made is valid JSON")
    }
}

fn generate() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(WithoutNull)
        .for_deserialize();
    let mut schema = settings.into_generator().into_root_schema_for::<RawFile>();
    schema.insert("$id".to_owned(), json!("homelab.schema.json"));
    schema.to_value()
}

/// An optional key may be left out; it may not be null. Numbers lose the names of Rust's types.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        object.remove("format");
        if object.get("default").is_some_and(Value::is_null) {
            object.remove("default");
        }
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|choice| choice != &json!({"type": "null"}));
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties<'a>(schema: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
        if let Some(entries) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in entries {
                found.push((format!("{path}.{name}"), property));
            }
        }
    }

    #[test]
    fn every_key_is_described_and_every_value_has_an_example() {
        let schema = schema();
        let mut found = Vec::new();
        properties(schema, "file", &mut found);
        for (name, definition) in schema["$defs"].as_object().expect("definitions") {
            assert!(
                definition.get("description").is_some(),
                "{name} is not described"
            );
            properties(definition, name, &mut found);
        }
        assert!(found.len() > 60, "{}", found.len());
        for (path, property) in found {
            assert!(
                property.get("description").is_some(),
                "{path} is not described"
            );
            let structure = property.get("$ref").is_some()
                || property.get("properties").is_some()
                || property["items"].get("$ref").is_some();
            let example = property.get("examples").is_some();
            assert!(example || structure, "{path} has no example: {property}");
        }
    }

    #[test]
    fn nothing_may_be_null() {
        let text = schema().to_string();
        assert!(!text.contains("\"null\""), "{text}");
    }
}
