//! What would be lost is refused before anything is written.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use sops_rs::{
    Document, EncryptedFile, EncryptionRule, Format, Identities, Identity, LookupError, MacCheck,
    ParseError, Pattern, Selection, Side, Value,
};

fn rule(identity: &Identity, selection: Selection) -> EncryptionRule {
    EncryptionRule::for_recipients(identity.recipient()).with_selection(selection)
}

fn by_comment(pattern: &str) -> Selection {
    Selection::EncryptedCommentRegex(Pattern::new(pattern).unwrap())
}

fn parse(format: Format, text: &str) -> Document {
    Document::parse(format, text).unwrap()
}

/// What encryption says of a text.
fn refusal(format: Format, text: &str, selection: Selection) -> String {
    let identity = Identity::generate();
    let encrypted = parse(format, text).encrypt(&rule(&identity, selection));
    encrypted
        .map(|file| file.to_text())
        .unwrap_err()
        .to_string()
}

/// As an element, the comment between would keep `sops` from finding the value encrypted.
#[test]
fn a_comment_between_the_one_that_matches_and_its_value_is_refused_in_lists() {
    let text = "list:\n    # enc\n    # second\n    - value\n    - other\n";
    let refused = refusal(Format::Yaml, text, by_comment("^ enc"));
    assert_eq!(
        refused,
        "list[0]: a comment stands between the one that the rule `encrypted_comment_regex` matches and its value: put that \
         one last"
    );
    for text in [
        "list:\n    # first\n    # enc\n    - value\n    - other\n",
        "# enc\nlist:\n    # first\n    # second\n    - value\n",
        "map:\n    # enc\n    # second\n    key: value\n    other: clear\n",
    ] {
        let identity = Identity::generate();
        let document = parse(Format::Yaml, text);
        let encrypted = document
            .encrypt(&rule(&identity, by_comment("^ enc")))
            .unwrap()
            .to_text();
        assert!(!encrypted.contains("value"), "{encrypted}");
        let file = EncryptedFile::parse(Format::Yaml, &encrypted).unwrap();
        let opened = file.decrypt(&Identities::from(identity)).unwrap();
        assert_eq!(opened.document.to_bytes().as_slice(), text.as_bytes());
    }
}

#[test]
fn ciphertext_is_not_encrypted_again() {
    let identity = Identity::generate();
    let file = parse(Format::Yaml, "a: one\n")
        .encrypt(&rule(&identity, Selection::All))
        .unwrap();
    let text = file.to_text();
    let (data, _) = text.split_once("\nsops:").unwrap();
    assert_eq!(
        refusal(Format::Yaml, data, Selection::All),
        "a: the value is encrypted already, with a key that this file would lose"
    );
    let clear = Selection::UnencryptedRegex(Pattern::new("^a$").unwrap());
    let kept = parse(Format::Yaml, data).encrypt(&rule(&identity, clear));
    assert!(kept.is_ok(), "in the clear it stays what it is");
}

#[test]
fn nobody_is_no_recipient() {
    let identity = Identity::generate();
    let file = parse(Format::Yaml, "a: one\n")
        .encrypt(&rule(&identity, Selection::All))
        .unwrap();
    let identities = Identities::from(identity);
    let nobody = EncryptionRule::for_recipients(None);
    let updated = file.update_keys(&identities, &nobody);
    assert_eq!(
        updated.map(|_| ()).unwrap_err().to_string(),
        "nobody would be left who can open the file"
    );
    let changed = parse(Format::Yaml, "a: two\n").encrypt_reusing(&file, &identities, &nobody);
    assert_eq!(
        changed.map(|_| ()).unwrap_err().to_string(),
        "nobody would be left who can open the file"
    );
}

/// Sets a value in an encrypted file of one clear value, and says how that ends.
fn set(format: Format, text: &str, path: &str, value: &str) -> String {
    let identity = Identity::generate();
    let clear = Selection::UnencryptedRegex(Pattern::new("clear").unwrap());
    let file = parse(format, text)
        .encrypt(&rule(&identity, clear))
        .unwrap();
    let identities = Identities::from(identity);
    let mut edit = file.edit(&identities).unwrap();
    if let Err(error) = edit
        .document_mut()
        .set(&path.parse().unwrap(), Value::from(value))
    {
        return error.to_string();
    }
    let expected = edit.document().clone();
    match edit.save() {
        Err(error) => error.to_string(),
        Ok(saved) => {
            let text = saved.to_text();
            let opened = EncryptedFile::parse(format, &text)
                .unwrap()
                .decrypt(&identities)
                .unwrap();
            assert!(
                opened.document.tree().has_values_of(expected.tree()),
                "{text}"
            );
            "read back".to_owned()
        }
    }
}

#[test]
fn what_a_format_cannot_hold_in_the_clear_is_not_set() {
    let dotenv = |path, value| set(Format::Dotenv, "A=1\n", path, value);
    assert_eq!(dotenv("A", "C:\\new"), "read back");
    assert_eq!(dotenv("P_clear", "line\nline"), "read back");
    assert_eq!(
        dotenv("P_clear", "C:\\new"),
        "P_clear: dotenv cannot hold a backslash and an `n` in the clear, which mean a line break"
    );
    assert_eq!(dotenv("a.b", "x"), "a.b: dotenv cannot hold a mapping");

    let ini = |path, value| set(Format::Ini, "[s]\na = 1\n", path, value);
    assert_eq!(ini("s.a", "a\"\"\"`\nb"), "read back");
    assert_eq!(ini("s.clear", "a\nb"), "read back");
    assert_eq!(
        ini("s.clear", "a\"\"\"`\nb"),
        "s.clear: ini cannot hold this value in the clear: no quotes keep it as it is"
    );
    assert_eq!(
        ini("[\"s\"][\" k\"]", "x"),
        "s[\" k\"]: ini cannot hold a key with characters that no quotes keep as they are"
    );
    assert_eq!(
        ini("a", "x"),
        "a: ini cannot hold a value outside of a section"
    );
}

#[test]
fn a_value_that_cannot_be_set_changes_nothing() {
    let mut document = parse(Format::Yaml, "a: 1\nempty:\n");
    let before = document.clone();
    for path in ["z.a[1]", "empty[2].b", "a.b"] {
        assert!(
            document
                .set(&path.parse().unwrap(), Value::from("x"))
                .is_err(),
            "{path}"
        );
        assert!(document == before, "{path}");
    }
    let deep = "k.".repeat(600) + "k";
    let error = document
        .set(&deep.parse().unwrap(), Value::from("x"))
        .unwrap_err();
    assert!(matches!(error, LookupError::Shape(_)), "{error}");
    assert!(document == before);
}

#[test]
fn anchors_do_not_multiply_memory() {
    let anchor = |level: usize| format!("{}a{level}: &a{level}\n", " ".repeat(level));
    let bomb = (0..60).map(anchor).collect::<Vec<_>>().concat();
    let text = format!(
        "{bomb}{}v: {}\nagain: *a0\n",
        " ".repeat(60),
        "x".repeat(2 << 20)
    );
    let error = Document::parse(Format::Yaml, &text)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, ParseError::Alias { .. }), "{error}");
    let unused = text.replace("again: *a0\n", "");
    assert!(
        Document::parse(Format::Yaml, &unused).is_ok(),
        "anchors that nothing refers to"
    );
}

#[test]
fn documents_in_which_a_key_occurs_twice_merge_as_wholes() {
    let json = |text| parse(Format::Json, text);
    let base = json(r#"{"a": "1", "a": "2", "b": "1"}"#);
    let ours = json(r#"{"a": "1", "a": "2", "b": "2"}"#);
    let theirs = json(r#"{"a": "1", "a": "3", "b": "1"}"#);
    let merge = Document::merge(&base, &ours, &theirs, Side::Theirs);
    assert_eq!(merge.conflicts.len(), 1);
    assert!(merge.document == theirs);
    let merge = Document::merge(&base, &ours, &base, Side::Theirs);
    assert!(merge.conflicts.is_empty() && merge.document == ours);
}

/// A MAC that was passed over is not kept.
#[test]
fn saving_without_a_change_mends_a_mac_that_was_not_checked() {
    let identity = Identity::generate();
    let plain = "a: one\nb_unencrypted: two\n";
    let file = parse(Format::Yaml, plain)
        .encrypt(&EncryptionRule::for_recipients(identity.recipient()))
        .unwrap();
    let changed = file
        .to_text()
        .replace("b_unencrypted: two", "b_unencrypted: three");
    let changed = EncryptedFile::parse(Format::Yaml, &changed).unwrap();
    let identities = Identities::from(identity);
    assert!(changed.decrypt(&identities).is_err());
    let key = changed.data_key(&identities).unwrap();
    let saved = changed
        .edit_with(&key, MacCheck::Skipped)
        .unwrap()
        .save()
        .unwrap();
    let opened = saved.decrypt(&identities).unwrap();
    assert_eq!(
        opened.document.to_bytes().as_slice(),
        b"a: one\nb_unencrypted: three\n"
    );
}
