//! Files that were encrypted and are not any more: cut off, with a conflict's marks, or without the
//! metadata that says how to open them.
//!
//! They claim nothing that a reader would believe, so that only what their values look like tells.

use sops_rs::{Document, Format, ParseError, Selection};

use super::clear::is_sealed;

/// Says what is wrong with a file that holds encrypted values and is no encrypted file.
pub fn damage(format: Format, bytes: &[u8]) -> Option<String> {
    // Most files hold none, and are not read for it.
    is_sealed(bytes).then(|| damage_of(format, bytes, &parse(format, bytes)))?
}

/// Reads a file; a binary one is JSON once it is encrypted.
pub(super) fn parse(format: Format, bytes: &[u8]) -> Result<Document, ParseError> {
    let format = match format {
        Format::Binary => Format::Json,
        format => format,
    };
    Document::parse(format, bytes)
}

/// The same of a file that was read already.
pub(super) fn damage_of(
    format: Format,
    bytes: &[u8],
    read: &Result<Document, ParseError>,
) -> Option<String> {
    if !is_sealed(bytes) {
        return None;
    }
    match read {
        // Any text may quote an encrypted value; one that `sops` wrote for a binary file is JSON.
        Err(_) if format == Format::Binary && !bytes.starts_with(b"{") => None,
        Err(error) => Some(format!(
            "it has encrypted values, but cannot be read: {error}"
        )),
        Ok(document) if document.is_encrypted() => None,
        Ok(document) => {
            let has_ciphertext = document.survey(&Selection::All).has_ciphertext();
            has_ciphertext.then(|| {
                "it has encrypted values, but no `sops` entry that says how they open".to_owned()
            })
        }
    }
}
