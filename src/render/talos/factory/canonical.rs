//! Trees of values as go-yaml writes them: four spaces a level, lists indented below their key. Keys keep their
//! order, which in Go is that of a structure's fields; those of a Go map are sorted before.

use serde_json::{Map, Value};

use super::go_yaml::{INDENT, float, order, text};

/// Returns a mapping as a document.
pub(super) fn document(entries: &Map<String, Value>) -> String {
    let mut written = String::new();
    mapping(&mut written, entries, 0);
    written
}

fn mapping(written: &mut String, entries: &Map<String, Value>, indent: usize) {
    for (number, (key, value)) in entries.iter().enumerate() {
        if number > 0 {
            pad(written, indent);
        }
        written.push_str(&text(key, indent));
        written.push(':');
        let inner = next_level(indent);
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                written.push('\n');
                pad(written, inner);
                mapping(written, entries, inner);
            }
            Value::Array(items) if !items.is_empty() => {
                written.push('\n');
                pad(written, inner);
                list(written, items, inner);
            }
            plain => scalar(written, plain, inner),
        }
    }
}

fn list(written: &mut String, items: &[Value], indent: usize) {
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            pad(written, indent);
        }
        written.push('-');
        // What stands in an item is aligned behind its dash.
        let inner = indent + 2;
        match item {
            Value::Object(entries) if !entries.is_empty() => {
                written.push(' ');
                mapping(written, entries, inner);
            }
            Value::Array(items) if !items.is_empty() => {
                written.push(' ');
                list(written, items, inner);
            }
            plain => scalar(written, plain, next_level(indent)),
        }
    }
}

fn scalar(written: &mut String, value: &Value, indent: usize) {
    written.push(' ');
    match value {
        Value::String(value) => written.push_str(&text(value, indent)),
        Value::Number(number) if number.is_f64() => {
            written.push_str(&float(number.as_f64().unwrap_or_default()));
        }
        // What is left is the same in JSON: numbers, truth, nothing, empty lists and mappings.
        other => written.push_str(&other.to_string()),
    }
    written.push('\n');
}

fn pad(written: &mut String, indent: usize) {
    written.extend(std::iter::repeat_n(' ', indent));
}

fn next_level(indent: usize) -> usize {
    (indent / INDENT + 1) * INDENT
}

/// Sorts the keys of every mapping in a value, as go-yaml sorts those of a Go map.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(left, _), (right, _)| order(left, right));
            let entries = entries.into_iter();
            Value::Object(
                entries
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What `yaml.Marshal` of go-yaml v4.0.0-rc.6 writes.
    #[test]
    fn trees_are_written_as_go_yaml_does() {
        let cases = [
            (
                json!({"k": {"list": [1, "a", ["x", "y"], {"k": "v", "a": ["z"]}], "m": {}, "e": [], "f": 1.5,
                    "n": {"deep": {"x": "a\nb"}}}}),
                "k:\n    e: []\n    f: 1.5\n    list:\n        - 1\n        - a\n        - - x\n          - 'y'\n        \
                 - a:\n            - z\n          k: v\n    m: {}\n    'n':\n        deep:\n            x: |-\n                \
                 a\n                b\n",
            ),
            (
                json!({"k": [["a"], [["b"]], [{"a": 1, "b": []}]]}),
                "k:\n    - - a\n    - - - b\n    - - a: 1\n        b: []\n",
            ),
            (
                json!({"k": {"true": 1, "a: b": true, "": null}}),
                "k:\n    \"\": null\n    'a: b': true\n    \"true\": 1\n",
            ),
        ];
        for (value, expected) in cases {
            let value = sorted(&value);
            assert_eq!(document(value.as_object().expect("a mapping")), expected);
        }
    }
}
