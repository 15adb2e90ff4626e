//! Opening an encrypted file: with the key that the corpus is encrypted for, and with the data key
//! of one of its files whatever the file at hand says, so that values are tried in every case.
#![no_main]

use std::sync::LazyLock;

use sops_rs::{DataKey, EncryptedFile, Format, Identities, IdentityOrigin, MacCheck};

static IDENTITIES: LazyLock<Identities> = LazyLock::new(|| {
    let mut identities = Identities::default();
    let key = include_str!("../../tests/data/keys/age-mock.txt");
    identities.add_text(key, &IdentityOrigin::Given);
    identities
});

static KEY: LazyLock<DataKey> = LazyLock::new(|| {
    let text = include_str!("../../tests/data/plain/types/enc.yaml");
    let file = EncryptedFile::parse(Format::Yaml, text).expect("the corpus is whole");
    file.data_key(&IDENTITIES).expect("the corpus is whole")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let Ok(file) = EncryptedFile::parse(format, bytes) else {
            continue;
        };
        let key = file.data_key(&IDENTITIES).unwrap_or_else(|_| KEY.clone());
        for check in [MacCheck::Required, MacCheck::Skipped] {
            if let Ok(opened) = file.decrypt_with(&key, check) {
                let _ = opened.document.to_bytes();
            }
        }
    }
});
