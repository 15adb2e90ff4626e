//! What the targets of several formats have in common.
#![forbid(unsafe_code)]

use sops_rs::{Document, Format};

/// Reads a plain document; what can be read is printed, and reads back with the same values.
pub fn round_trip(format: Format, bytes: &[u8]) {
    let Ok(document) = Document::parse(format, bytes) else {
        return;
    };
    let printed = document.to_bytes();
    let again = match Document::parse(format, &printed) {
        Ok(again) => again,
        Err(error) => panic!("{error}: {:?}", String::from_utf8_lossy(&printed)),
    };
    assert!(
        again.tree().has_values_of(document.tree()),
        "{:?}",
        String::from_utf8_lossy(&printed)
    );
}
