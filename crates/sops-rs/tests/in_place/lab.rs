//! A key, and the steps of encryption in place with it.

use sops_rs::{
    Document, EncryptedFile, EncryptionRule, Format, Identities, Identity, Layout, Selection, Value,
};

pub(crate) struct Lab {
    format: Format,
    identities: Identities,
    rule: EncryptionRule,
}

impl Lab {
    pub(crate) fn new(format: Format) -> Self {
        let identity = Identity::generate();
        Self {
            format,
            rule: EncryptionRule::for_recipients(identity.recipient()),
            identities: Identities::from(identity),
        }
    }

    pub(crate) fn selecting(format: Format, selection: Selection) -> Self {
        let lab = Self::new(format);
        Self {
            rule: lab.rule.with_selection(selection),
            ..lab
        }
    }

    pub(crate) fn parse(&self, text: &str) -> Document {
        Document::parse(self.format, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub(crate) fn encrypt(&self, text: &str) -> String {
        let file = self.parse(text).encrypt(&self.rule).unwrap();
        let in_place = file.to_text_like(text, Layout::default());
        in_place.unwrap_or_else(|| panic!("not in place:\n{text}"))
    }

    pub(crate) fn decrypt(&self, text: &str) -> String {
        let file = EncryptedFile::parse(self.format, text).unwrap();
        let opened = file.decrypt(&self.identities);
        let opened = opened.unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(opened.warnings, [], "{text}");
        let in_place = opened.document.to_text_like(text, Layout::default());
        in_place
            .unwrap_or_else(|| panic!("not in place:\n{text}"))
            .to_string()
    }

    /// Changes an encrypted text; returns it.
    pub(crate) fn edit(&self, encrypted: &str, change: impl FnOnce(&mut Document)) -> String {
        let file = EncryptedFile::parse(self.format, encrypted).unwrap();
        let mut edit = file.edit(&self.identities).unwrap();
        change(edit.document_mut());
        let file = edit.save().unwrap();
        let in_place = file.to_text_like(encrypted, Layout::default());
        in_place.unwrap_or_else(|| panic!("not in place:\n{encrypted}"))
    }

    pub(crate) fn set(&self, encrypted: &str, path: &str, value: &str) -> String {
        let value = Value::from_text(value).unwrap();
        self.edit(encrypted, |document| {
            document.set(&path.parse().unwrap(), value).unwrap();
        })
    }

    pub(crate) fn unset(&self, encrypted: &str, path: &str) -> String {
        self.edit(encrypted, |document| {
            document.unset(&path.parse().unwrap()).unwrap();
        })
    }

    /// Encrypts and decrypts texts of a table: the text, what stands there encrypted, and decrypted
    /// where that is not the text itself.
    pub(crate) fn check(&self, masked: fn(&str) -> String, table: &[(&str, &str, Option<&str>)]) {
        for (text, expected, decrypted) in table {
            let encrypted = self.encrypt(text);
            assert_eq!(
                masked(&encrypted),
                *expected,
                "{text:?} became\n{encrypted}"
            );
            assert_eq!(
                self.decrypt(&encrypted),
                decrypted.unwrap_or(text),
                "{encrypted}"
            );
        }
    }
}

/// The lines of a text that another does not have, but those that state when it changed.
pub(crate) fn changed_lines(old: &str, new: &str) -> usize {
    let old: Vec<&str> = old.lines().collect();
    let states = |line: &&str| line.contains("mac") || line.contains("lastmodified");
    let new = new.lines().filter(|line| !old.contains(line));
    new.filter(|line| !states(line)).count()
}
