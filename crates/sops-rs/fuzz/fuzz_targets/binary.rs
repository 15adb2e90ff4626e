//! Any bytes: what is parsed as a binary document comes out as it went in, and any bytes may claim
//! to be the JSON envelope of an encrypted one.
#![no_main]

use sops_rs::{Document, EncryptedFile, Format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Document::parse(Format::Binary, bytes) {
        assert_eq!(document.to_bytes().as_slice(), bytes);
        let _ = document.is_encrypted();
    }
    let _ = EncryptedFile::parse(Format::Binary, bytes);
});
