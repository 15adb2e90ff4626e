//! The corpus: trees, layouts and plaintexts that `sops` itself produced.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and fails by panic"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sops_rs::{
    Config, Document, Element, EncryptedFile, EncryptionRule, Format, Identities, IdentityOrigin,
    Item, Layout, MacCheck, Mapping, Scalar, Tree, Value,
};

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn keys(name: &str) -> Identities {
    let mut identities = Identities::default();
    identities.add_text(
        &read(&data(&format!("keys/{name}.txt"))),
        &IdentityOrigin::Given,
    );
    assert!(!identities.is_empty());
    identities
}

fn folders(path: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(data(path))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn parse(text: &str) -> Document {
    Document::parse(Format::Yaml, text).unwrap()
}

/// What a document prints.
fn printed(document: &Document, layout: Layout) -> String {
    String::from_utf8(document.to_bytes_with(layout).to_vec()).unwrap()
}

fn decrypt(path: &Path, identities: &Identities) -> String {
    decrypt_with(path, identities, Layout::default())
}

fn decrypt_with(path: &Path, identities: &Identities, layout: Layout) -> String {
    let file = EncryptedFile::parse(Format::Yaml, &read(path)).unwrap();
    let opened = file.decrypt(identities);
    let opened = opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    printed(&opened.document, layout)
}

/// The tree in the notation of the corpus' `tree.json`.
fn describe(document: &Mapping) -> Json {
    Json::Array(
        document
            .items
            .iter()
            .map(|item| match item {
                Item::Comment(comment) => comment_json(&comment.text, comment.inline),
                Item::Entry(entry) => {
                    serde_json::json!({"k": entry.key, "v": value_json(&entry.value)})
                }
            })
            .collect(),
    )
}

fn comment_json(text: &str, inline: bool) -> Json {
    if inline {
        serde_json::json!({"comment": text, "inline": true})
    } else {
        serde_json::json!({"comment": text})
    }
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Null => serde_json::json!({"t": "null"}),
        Value::Scalar(scalar) => {
            let bytes = scalar.bytes();
            serde_json::json!({"s": String::from_utf8_lossy(&bytes), "t": scalar.kind().as_str()})
        }
        Value::Mapping(mapping) => serde_json::json!({"map": describe(mapping)}),
        Value::Sequence(elements) => {
            let elements = elements.iter().map(|element| match element {
                Element::Comment(comment) => comment_json(&comment.text, comment.inline),
                Element::Value(value) => value_json(value),
            });
            serde_json::json!({"seq": elements.collect::<Vec<_>>()})
        }
    }
}

fn tree_text(document: &Document) -> String {
    let documents = document.tree().documents.iter().map(describe).collect();
    serde_json::to_string_pretty(&Json::Array(documents)).unwrap()
}

fn normalised(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Json>(json).unwrap()).unwrap()
}

/// Collects what differs, so that one run names every file.
#[derive(Default)]
struct Differences(String);

impl Differences {
    fn compare(&mut self, what: &str, found: &str, expected: &str) {
        if found != expected {
            let line = found
                .lines()
                .zip(expected.lines())
                .position(|(a, b)| a != b);
            let line = line.unwrap_or(found.lines().count().min(expected.lines().count()));
            let _ = writeln!(
                self.0,
                "{what}: line {}: found {:?}, expected {:?}",
                line + 1,
                found.lines().nth(line),
                expected.lines().nth(line)
            );
        }
    }

    fn none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

/// A file of a folder, whatever its ending is; its text and its format.
fn part(folder: &Path, stem: &str) -> (Vec<u8>, Format) {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let path = names
        .into_iter()
        .find(|path| path.file_stem().is_some_and(|found| found == stem))
        .unwrap_or_else(|| panic!("{}: no {stem}", folder.display()));
    (fs::read(&path).unwrap(), Format::of_path(&path))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn plain_files_load_and_print_as_in_sops() {
    let mut differences = Differences::default();
    for folder in folders("plain") {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (bytes, format) = part(&folder, "in");
        let document = Document::parse(format, &bytes).unwrap();
        let expected = normalised(&read(&folder.join("tree.json")));
        differences.compare(&name, &tree_text(&document), &expected);
        let (expected, _) = part(&folder, "emit");
        differences.compare(&name, &lossy(&document.to_bytes()), &lossy(&expected));
    }
    differences.none();
}

#[test]
fn real_files_load_and_print_as_in_sops() {
    let mut differences = Differences::default();
    for path in folders("real-world") {
        let name = path.to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".in.yaml") else {
            continue;
        };
        let document = parse(&read(&path));
        let tree = normalised(&read(Path::new(&format!("{stem}.tree.json"))));
        differences.compare(&format!("{stem} tree"), &tree_text(&document), &tree);
        let text = read(Path::new(&format!("{stem}.emit.yaml")));
        differences.compare(
            &format!("{stem} text"),
            &printed(&document, Layout::default()),
            &text,
        );
    }
    differences.none();
}

#[test]
fn encrypted_files_decrypt_to_what_sops_prints() {
    let mut differences = Differences::default();
    let identities = keys("age-mock");
    for folder in folders("plain") {
        let (bytes, format) = part(&folder, "enc");
        let file = EncryptedFile::parse(format, &bytes).unwrap();
        let found = file.decrypt(&identities).unwrap().document.to_bytes();
        let (expected, _) = part(&folder, "dec");
        let name = folder.to_string_lossy();
        differences.compare(&name, &lossy(&found), &lossy(&expected));
    }
    let layout = Config::load(&data("variants/dot-sops.yaml"))
        .unwrap()
        .layout();
    for name in [
        "enc-comment",
        "enc-suffix",
        "flux-style",
        "indent",
        "onegroup",
        "plaincomm",
        "unenc-regex",
    ] {
        let found = decrypt_with(
            &data(&format!("variants/{name}.enc.yaml")),
            &keys("age-mock"),
            layout,
        );
        differences.compare(
            name,
            &found,
            &read(&data(&format!("variants/{name}.dec.yaml"))),
        );
    }
    differences.none();
}

#[test]
fn encrypted_files_print_as_they_were() {
    let mut differences = Differences::default();
    for folder in folders("plain") {
        let (bytes, format) = part(&folder, "enc");
        let file = EncryptedFile::parse(format, &bytes).unwrap();
        let mut found = file.to_text();
        if format == Format::Binary {
            // `sops`, too, adds the rule that holds for files without one.
            let rule = "\t\t\"unencrypted_suffix\": \"_unencrypted\",\n";
            assert!(found.contains(rule));
            found = found.replace(rule, "");
        }
        differences.compare(&folder.to_string_lossy(), &found, &lossy(&bytes));
    }
    differences.none();
}

#[test]
fn what_we_encrypt_decrypts_to_the_same() {
    let identities = keys("age-mock");
    let rule = EncryptionRule::for_recipients(identities.recipients());
    let mut differences = Differences::default();
    for folder in folders("plain") {
        let (bytes, format) = part(&folder, "in");
        let document = Document::parse(format, &bytes).unwrap();
        let encrypted = document.encrypt(&rule).unwrap().to_text();
        let file = EncryptedFile::parse(format, &encrypted).unwrap();
        let found = file.decrypt(&identities).unwrap().document.to_bytes();
        let (expected, _) = part(&folder, "dec");
        let name = folder.to_string_lossy();
        differences.compare(&name, &lossy(&found), &lossy(&expected));
    }
    differences.none();
}

#[test]
fn files_of_other_projects_decrypt() {
    for name in ["age", "global", "merge1", "merge2"] {
        let key = if name == "global" {
            "flux-global"
        } else {
            "flux"
        };
        let text = decrypt(&data(&format!("flux/{name}.yaml")), &keys(key));
        let expected = match name {
            "global" => "global-value",
            "age" => "value",
            merge => merge,
        };
        assert!(text.contains(&format!(": {expected}\n")), "{name}: {text}");
    }
    let talhelper = keys("talhelper");
    let text = decrypt(&data("talhelper/decrypt-encrypted.yaml"), &talhelper);
    assert_eq!(text, read(&data("talhelper/decrypt-unencrypted.yaml")));
    for path in folders("talhelper") {
        if !path.to_string_lossy().contains("unencrypted") && read(&path).contains("\nsops:") {
            decrypt(&path, &talhelper);
        }
    }
}

#[test]
fn upstream_files_decrypt() {
    let identities = keys("age-mock");
    for name in ["comments.enc", "example", "format.enc", "multiple_keys"] {
        decrypt(&data(&format!("upstream/{name}.yaml")), &identities);
    }
    let text = read(&data("upstream/comments_unencrypted_comments.yaml"));
    let file = EncryptedFile::parse(Format::Yaml, &text).unwrap();
    assert!(!file.decrypt(&identities).unwrap().warnings.is_empty());
}

fn failure(path: &str) -> String {
    match EncryptedFile::parse(Format::Yaml, &read(&data(path))) {
        Err(error) => error.to_string(),
        Ok(file) => match file.decrypt(&keys("age-mock")) {
            Err(error) => error.to_string(),
            Ok(_) => "opens".to_owned(),
        },
    }
}

#[test]
fn broken_files_are_told_apart() {
    let edited = "the MAC does not match the contents: a value was changed, added or removed without encrypting the file again";
    let cases = [
        (
            "bugs/added-unencrypted.enc.yaml",
            "the MAC does not match the contents: `extra_unencrypted` was added without encrypting the file again",
        ),
        ("bugs/mac-mismatch.enc.yaml", edited),
        (
            "bugs/empty-mac.enc.yaml",
            "the file has no MAC: nothing proves that its values are complete and unchanged",
        ),
        (
            "upstream/no_mac.yaml",
            "the file has no MAC: nothing proves that its values are complete and unchanged",
        ),
        (
            "bugs/plaintext-value.enc.yaml",
            "a: the value is not encrypted",
        ),
        (
            "bugs/renamed-key.enc.yaml",
            "b: the encrypted value was changed, or moved to another key",
        ),
        (
            "bugs/no-version.enc.yaml",
            "the `sops` entry has no `version`",
        ),
        (
            "bugs/lastmodified-unquoted.enc.yaml",
            "`sops.lastmodified` must be quoted",
        ),
        (
            "bugs/written-by-rops-0.1.7.enc.yaml",
            "the `sops` entry has no `version`",
        ),
        ("bugs/lastmodified-fraction.enc.yaml", "opens"),
        ("bugs/unknown-metadata-field.enc.yaml", "opens"),
        ("bugs/empty-comment-in-list.enc.yaml", "opens"),
        (
            "upstream-pgp/plainfile.yaml",
            "the file is not encrypted: it has no `sops` entry",
        ),
        (
            "upstream-pgp/comments.enc.yaml",
            "the file is not encrypted for an age key, but for PGP key `FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4`",
        ),
        (
            "variants/shamir23.enc.yaml",
            "keys of 2 of the file's 3 key groups are needed, and only group 1 opens",
        ),
        (
            "flux/age.yaml",
            "the identity at hand does not open the file",
        ),
        (
            "flux/age-pq.yaml",
            "the identity at hand does not open the file",
        ),
    ];
    let mut differences = Differences::default();
    for (path, expected) in cases {
        differences.compare(path, &failure(path), expected);
    }
    differences.none();
    let file =
        EncryptedFile::parse(Format::Yaml, &read(&data("bugs/mac-mismatch.enc.yaml"))).unwrap();
    let key = file.data_key(&keys("age-mock")).unwrap();
    assert!(file.decrypt_with(&key, MacCheck::Skipped).is_ok());
}

#[test]
fn floats_print_as_in_go() {
    let table: Json = serde_json::from_str(&read(&data("float-formats.json"))).unwrap();
    let mut differences = Differences::default();
    for row in table.as_array().unwrap() {
        let column = |name: &str| row[name].as_str().unwrap();
        let scalar = Scalar::Float(column("in").parse().unwrap());
        let authenticated = String::from_utf8(scalar.bytes().to_vec()).unwrap();
        let mut mapping = Mapping::default();
        mapping.push("f", scalar);
        let documents = vec![mapping];
        let document = Document::from_tree(Format::Yaml, Tree { documents }).unwrap();
        differences.compare(column("in"), &authenticated, column("plaintext_and_mac"));
        let line = format!("f: {}\n", column("yaml"));
        differences.compare(column("in"), &printed(&document, Layout::default()), &line);
    }
    differences.none();
}

#[test]
fn files_that_sops_changed_open_and_print_as_they_were() {
    let identities = keys("age-mock");
    let mut differences = Differences::default();
    for path in folders("ops") {
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(".enc.yaml") {
            let text = read(&path);
            let file = EncryptedFile::parse(Format::Yaml, &text).unwrap();
            differences.compare(&name, &file.to_text_with(Layout::indented(2)), &text);
            decrypt(&path, &identities);
        }
    }
    differences.none();
}
