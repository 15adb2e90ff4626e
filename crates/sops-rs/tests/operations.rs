//! What is done to encrypted files, against what `sops` made of the same files.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and fails by panic"
)]

use std::fs;
use std::path::Path;

use sops_rs::{
    BareNumbers, DataKey, Document, EncryptedFile, EncryptionRule, Format, Identities, Identity,
    IdentityOrigin, Layout, MacCheck, RecipientChange, Value,
};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn keys(name: &str) -> Identities {
    let mut identities = Identities::default();
    identities.add_text(&read(&format!("keys/{name}.txt")), &IdentityOrigin::Given);
    identities
}

fn open(text: &str) -> EncryptedFile {
    EncryptedFile::parse(Format::Yaml, text).unwrap()
}

fn file(name: &str) -> EncryptedFile {
    open(&read(name))
}

fn printed(file: &EncryptedFile) -> String {
    file.to_text_with(Layout::indented(2))
}

fn plain(file: &EncryptedFile, identities: &Identities) -> String {
    let opened = file.decrypt(identities).unwrap();
    let bytes = opened.document.to_bytes_with(Layout::indented(2));
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file without what is random: ciphertexts keep their type, wrapped keys their length in lines.
fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("ENC[") {
        Some((before, value)) => {
            let kind = value.rsplit_once("type:").map_or("", |(_, kind)| kind);
            format!("{before}ENC[{kind}")
        }
        None if line.starts_with("  lastmodified: ") => "  lastmodified".to_owned(),
        None if line.starts_with("  version: ") => "  version".to_owned(),
        None => line.to_owned(),
    });
    let wrapped = |line: &String| line.starts_with("        ") && !line.contains("-----");
    let lines: Vec<String> = lines.filter(|line| !wrapped(line)).collect();
    lines.join("\n")
}

/// The lines of a file that hold nothing random but its values: those before the metadata.
fn values(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| *line != "sops:").collect()
}

/// The lines that two files do not have in common, position by position.
fn changed_lines(old: &str, new: &str) -> Vec<usize> {
    let (old, new) = (values(old), values(new));
    assert_eq!(old.len(), new.len());
    let pairs = old.iter().zip(&new).enumerate();
    pairs
        .filter(|(_, (old, new))| old != new)
        .map(|(line, _)| line + 1)
        .collect()
}

fn set(file: &EncryptedFile, path: &str, value: Value) -> EncryptedFile {
    let mut edit = file.edit(&keys("age-mock")).unwrap();
    edit.document_mut()
        .set(&path.parse().unwrap(), value)
        .unwrap();
    edit.save().unwrap()
}

#[test]
fn setting_a_value_does_what_sops_does_and_changes_one_line() {
    let base = file("ops/00-base.enc.yaml");
    let identities = keys("age-mock");

    let wanted = file("ops/01-set-b.enc.yaml");
    let new = wanted.decrypt(&identities).unwrap();
    let new = new.document.get(&"b".parse().unwrap()).unwrap();
    let first = set(&base, r#"["b"]"#, new);
    assert_eq!(masked(&printed(&first)), masked(&printed(&wanted)));
    assert_eq!(plain(&first, &identities), plain(&wanted, &identities));
    assert_eq!(changed_lines(&printed(&base), &printed(&first)), [3]);

    let wanted = file("ops/02-set-n-number.enc.yaml");
    let number = Value::from_text_with("5", BareNumbers::Float).unwrap();
    let second = set(&first, "n", number);
    assert_eq!(masked(&printed(&second)), masked(&printed(&wanted)));
    assert_eq!(changed_lines(&printed(&first), &printed(&second)), [8]);

    let wanted = file("ops/03-set-obj.enc.yaml");
    let object = Value::from_text(r#"{"n": 1, "s": "x", "l": [1]}"#).unwrap();
    let third = set(&second, r#"["obj"]"#, object);
    assert_eq!(masked(&printed(&third)), masked(&printed(&wanted)));
    let kept = values(&printed(&second)).len();
    let (before, after) = (printed(&second), printed(&third));
    assert_eq!(values(&before), values(&after)[..kept]);
}

#[test]
fn integers_and_lists_can_be_set() {
    let base = file("ops/00-base.enc.yaml");
    let changed = set(&base, "n", Value::from_text("5").unwrap());
    assert!(printed(&changed).contains(",type:int]\nf:"));
    let changed = set(&changed, "b", Value::from_text("[1, two]").unwrap());
    let text = plain(&changed, &keys("age-mock"));
    assert_eq!(
        text,
        "# c\na: one\nb:\n  - 1\n  - two\nl:\n  - x\n  - x\n  - \"y\"\n\"n\": 5\nf: 1\n"
    );
}

#[test]
fn taking_a_value_out_leaves_the_others_as_they_are() {
    let base = file("ops/00-base.enc.yaml");
    let mut edit = base.edit(&keys("age-mock")).unwrap();
    edit.document_mut().unset(&"b".parse().unwrap()).unwrap();
    let changed = printed(&edit.save().unwrap());
    let text = printed(&base);
    let mut left = values(&text);
    left.remove(2);
    assert_eq!(values(&changed), left);
}

#[test]
fn a_file_in_which_nothing_changed_is_the_same_file() {
    let base = file("ops/00-base.enc.yaml");
    let mut edit = base.edit(&keys("age-mock")).unwrap();
    let document = Document::parse(Format::Yaml, &read("ops/00-base.in.yaml")).unwrap();
    edit.replace(document.clone());
    assert_eq!(printed(&edit.save().unwrap()), read("ops/00-base.enc.yaml"));

    let rule = EncryptionRule::for_recipients(recipients(&base));
    let again = document
        .encrypt_reusing(&base, &keys("age-mock"), &rule)
        .unwrap();
    assert_eq!(printed(&again), read("ops/00-base.enc.yaml"));
}

fn recipients(file: &EncryptedFile) -> Vec<sops_rs::Recipient> {
    let recipients = file.metadata().age_recipients();
    recipients.map(|text| text.parse().unwrap()).collect()
}

/// Equal values of a list have the same path: each keeps the nonce of its own position.
#[test]
fn equal_values_of_a_list_keep_their_lines() {
    let base = file("ops/00-base.enc.yaml");
    let text = printed(&base);
    for (element, line) in [("l[0]", 5), ("l[1]", 6), ("l[2]", 7)] {
        let changed = set(&base, element, Value::from("new"));
        assert_eq!(
            changed_lines(&text, &printed(&changed)),
            [line],
            "{element}"
        );
    }
    let changed = set(&base, "l[2]", Value::from("x"));
    assert_eq!(changed_lines(&text, &printed(&changed)), [7]);
    let ciphertexts = printed(&changed);
    let ciphertexts: Vec<&str> = values(&ciphertexts)[4..7].to_vec();
    assert!(ciphertexts[1] != ciphertexts[2] && ciphertexts[0] != ciphertexts[2]);
}

fn ivs(text: &str) -> Vec<&str> {
    let lines = values(text).into_iter();
    lines
        .filter_map(|line| line.split_once(",iv:")?.1.split_once(",tag:"))
        .map(|(iv, _)| iv)
        .collect()
}

#[test]
fn rotation_changes_the_key_and_keeps_the_nonces() {
    let identities = keys("age-mock");
    let base = file("ops/00-base.enc.yaml");
    let rotated = base
        .rotate(&identities, &RecipientChange::default())
        .unwrap();
    let (old, new) = (printed(&base), printed(&rotated));
    assert_eq!(ivs(&old), ivs(&new));
    assert_eq!(masked(&new), masked(&read("ops/04-rotate.enc.yaml")));
    assert_eq!(plain(&rotated, &identities), plain(&base, &identities));
    let unchanged = values(&old).into_iter().zip(values(&new));
    let unchanged: Vec<&str> = unchanged.filter(|(a, b)| a == b).map(|(a, _)| a).collect();
    assert_eq!(unchanged, ["l:"]);

    let wanted = file("ops/05-rotate-add-age.enc.yaml");
    let change = RecipientChange {
        add: recipients(&wanted)[1..].to_vec(),
        remove: Vec::new(),
    };
    let shared = base.rotate(&identities, &change).unwrap();
    assert_eq!(masked(&printed(&shared)), masked(&printed(&wanted)));
    assert_eq!(
        plain(&shared, &keys("age-other")),
        plain(&base, &identities)
    );
}

#[test]
fn rotation_refuses_what_would_lock_people_out() {
    let identities = keys("age-mock");
    let base = file("ops/00-base.enc.yaml");
    let failure = |file: &EncryptedFile, add: &[&str], remove: &[&str]| {
        let change = RecipientChange {
            add: add.iter().map(|text| text.parse().unwrap()).collect(),
            remove: remove.iter().map(ToString::to_string).collect(),
        };
        file.rotate(&identities, &change).err().unwrap().to_string()
    };
    let own = base.metadata().age_recipients().next().unwrap().to_owned();
    assert_eq!(
        failure(&base, &[], &[&own]),
        "nobody would be left who can open the file"
    );
    assert_eq!(
        failure(&base, &[], &["age1else"]),
        "`age1else` is no recipient of the file"
    );
    let foreign = printed(&base).replace(
        "  lastmodified",
        "  pgp:\n    - created_at: \"2026-01-01T00:00:00Z\"\n      enc: x\n      fp: ABCD\n  lastmodified",
    );
    assert_eq!(
        failure(&open(&foreign), &[], &[]),
        "the file has a key of kind `pgp` (`ABCD`), for which a new data key cannot be wrapped"
    );
}

/// A file of 3.9.0 whose recipient is replaced: 3.13's layout, everything else as it was.
#[test]
fn new_recipients_leave_everything_else_alone() {
    let old = file("flux/age.yaml");
    let wanted = file("ops/06-updatekeys-from-3.9.enc.yaml");
    let rule = EncryptionRule::for_recipients(recipients(&wanted));
    let (updated, difference) = old.update_keys(&keys("flux"), &rule).unwrap();
    let text = printed(&updated);
    let old_recipient = old.metadata().age_recipients().next().unwrap();
    let new_recipient = wanted.metadata().age_recipients().next().unwrap();
    assert_eq!(
        difference.to_string(),
        format!("+ {new_recipient}\n- {old_recipient}")
    );
    assert_eq!(updated.metadata().mac, old.metadata().mac);
    assert_eq!(updated.metadata().version, "3.9.0");
    assert_eq!(values(&text), values(&printed(&old)));
    assert_eq!(masked(&text), masked(&printed(&wanted)));
    assert_eq!(
        plain(&updated, &keys("age-mock")),
        plain(&old, &keys("flux"))
    );

    let (same, difference) = updated.update_keys(&Identities::default(), &rule).unwrap();
    assert!(difference.is_empty());
    assert_eq!(printed(&same), text);
}

#[test]
fn who_stays_keeps_the_wrapped_key() {
    let identities = keys("age-mock");
    let base = file("ops/00-base.enc.yaml");
    let mut both = recipients(&base);
    both.insert(0, Identity::generate().recipient().unwrap());
    let rule = EncryptionRule::for_recipients(both);
    let (updated, _) = base.update_keys(&identities, &rule).unwrap();
    let own = |text: &str| {
        let start = text.find("- enc: |\n        -----BEGIN").unwrap();
        text[start..].to_owned()
    };
    let text = printed(&updated);
    assert!(text.contains(own(&printed(&base)).split("  lastmodified").next().unwrap()));
    let key: DataKey = base.data_key(&identities).unwrap();
    assert!(updated.decrypt_with(&key, MacCheck::Required).is_ok());
}
