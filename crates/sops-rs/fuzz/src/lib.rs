//! What the targets of several formats have in common.
#![forbid(unsafe_code)]

use sops_rs::{Document, Format, Layout, Mapping, Scalar, Value};

/// Reads a plain document; what can be read is printed, anew and in its own layout, and reads back
/// with the same values.
pub fn round_trip(format: Format, bytes: &[u8]) {
    let Ok(document) = Document::parse(format, bytes) else {
        return;
    };
    if document.tree().documents.iter().any(has_negative_zero) {
        return;
    }
    reads_back(&document, &document.to_bytes());
    let text = std::str::from_utf8(bytes).ok();
    if let Some(like) = text.and_then(|text| document.to_text_like(text, Layout::default())) {
        reads_back(&document, like.as_bytes());
    }
}

fn reads_back(document: &Document, printed: &[u8]) {
    let again = match Document::parse(document.format(), printed) {
        Ok(again) => again,
        Err(error) => panic!("{error}: {:?}", String::from_utf8_lossy(printed)),
    };
    assert!(
        again.tree().has_values_of(document.tree()),
        "{:?}",
        String::from_utf8_lossy(printed)
    );
}

/// Whether there is a -0.0, which every tool prints as the integer `-0`, and reads as 0.
fn has_negative_zero(mapping: &Mapping) -> bool {
    mapping.entries().any(|entry| is_negative_zero(&entry.value))
}

fn is_negative_zero(value: &Value) -> bool {
    match value {
        Value::Scalar(Scalar::Float(float)) => *float == 0.0 && float.is_sign_negative(),
        Value::Mapping(mapping) => has_negative_zero(mapping),
        _ => value.elements().into_iter().flatten().any(is_negative_zero),
    }
}
