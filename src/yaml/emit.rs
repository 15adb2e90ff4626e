//! The one emitter.

use serde_json::Value;

/// Emits one document, ending with a newline, without a leading `---`.
pub fn emit(value: &Value) -> String {
    let mut text = serde_saphyr::to_string(value).expect("a tree of plain values always emits");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Emits several documents, separated by `---`.
pub fn emit_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    values
        .into_iter()
        .map(emit)
        .collect::<Vec<_>>()
        .join("---\n")
}
