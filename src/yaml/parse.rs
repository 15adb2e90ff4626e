//! Reading YAML into plain values.

use serde_json::Value;

/// Why a text is not the YAML that was expected.
#[derive(Debug, thiserror::Error)]
#[error("invalid YAML: {0}")]
pub struct ParseError(#[from] serde_saphyr::Error);

/// Parses one document.
pub fn parse(text: &str) -> Result<Value, ParseError> {
    Ok(serde_saphyr::from_str(text)?)
}

/// Parses every document of a stream; empty ones are left out.
pub fn parse_documents(text: &str) -> Result<Vec<Value>, ParseError> {
    Ok(serde_saphyr::from_multiple(text)?)
}
