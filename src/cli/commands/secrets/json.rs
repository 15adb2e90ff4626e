//! Decrypted documents as JSON, for programs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value as Json};
use sops_rs::{Mapping, Scalar, Tree, Value};

/// One document as an object, several as a list. Comments are left out; bytes that are no text
/// become base64.
pub(super) fn documents(tree: &Tree) -> Json {
    let mut documents: Vec<Json> = tree.documents.iter().map(object).collect();
    if documents.len() == 1 {
        documents.remove(0)
    } else {
        Json::Array(documents)
    }
}

fn object(mapping: &Mapping) -> Json {
    let entries = mapping
        .entries()
        .map(|entry| (entry.key.clone(), value(&entry.value)));
    Json::Object(entries.collect::<Map<_, _>>())
}

/// One value.
pub(super) fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Mapping(mapping) => object(mapping),
        Value::Sequence(_) => value
            .elements()
            .into_iter()
            .flatten()
            .map(self::value)
            .collect(),
        Value::Scalar(Scalar::Int(int)) => (*int).into(),
        Value::Scalar(Scalar::Bool(bool)) => (*bool).into(),
        Value::Scalar(Scalar::Float(float)) => {
            Number::from_f64(*float).map_or(Json::Null, Json::Number)
        }
        Value::Scalar(Scalar::Time(time)) => time.as_str().into(),
        Value::Scalar(Scalar::Str(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => STANDARD.encode(bytes).into(),
        },
    }
}
