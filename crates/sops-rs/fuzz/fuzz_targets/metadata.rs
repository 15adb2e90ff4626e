//! The `sops` entry in every format: what can be read is printed, and reads back.
#![no_main]

use sops_rs::{EncryptedFile, Format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let Ok(file) = EncryptedFile::parse(format, bytes) else {
            continue;
        };
        let _ = file.metadata().age_recipients().count();
        let _ = file.encrypted_values();
        let printed = file.to_text();
        let again = match EncryptedFile::parse(format, &printed) {
            Ok(again) => again,
            Err(error) => panic!("{format}: {error}: {printed}"),
        };
        assert!(again.tree().has_values_of(file.tree()), "{format}: {printed}");
        assert_eq!(again.metadata().mac, file.metadata().mac, "{format}");
        assert_eq!(again.metadata().last_modified, file.metadata().last_modified, "{format}");
    }
});
