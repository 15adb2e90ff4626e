//! Bad input: a precise error, or the right values; never a panic and never other values.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and fails by panic"
)]

use std::fs;
use std::path::Path;

use sops_rs::{
    DecryptError, Document, EncryptedFile, EncryptionRule, Format, Identities, Identity,
    IdentityOrigin, MAX_DEPTH, ParseError, Tree,
};

fn data(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(folder.join(path)).unwrap()
}

fn mock() -> Identities {
    let mut identities = Identities::default();
    let text = String::from_utf8(data("keys/age-mock.txt")).unwrap();
    identities.add_text(&text, &IdentityOrigin::Given);
    identities
}

/// An encrypted file of each format.
fn encrypted() -> [(Format, Vec<u8>); 5] {
    [
        (Format::Yaml, data("plain/k8s-secret/enc.yaml")),
        (Format::Json, data("plain/ints/enc.json")),
        (Format::Dotenv, data("plain/env/enc.env")),
        (Format::Ini, data("plain/conf/enc.ini")),
        (Format::Binary, data("plain/blob/enc.bin")),
    ]
}

fn open(format: Format, bytes: &[u8], identities: &Identities) -> Result<Document, DecryptError> {
    let file = EncryptedFile::parse(format, bytes)?;
    Ok(file.decrypt(identities)?.document)
}

fn error(format: Format, text: &str, identities: &Identities) -> String {
    match open(format, text.as_bytes(), identities) {
        Ok(_) => "opens".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn parse_error(format: Format, bytes: &[u8]) -> ParseError {
    match Document::parse(format, bytes) {
        Ok(_) => panic!("it parses"),
        Err(error) => error,
    }
}

#[test]
fn a_file_cut_off_anywhere_does_not_open_to_less() {
    let identities = mock();
    for (format, bytes) in encrypted() {
        let whole = open(format, &bytes, &identities).unwrap();
        for length in (0..bytes.len()).step_by(5) {
            if let Ok(part) = open(format, &bytes[..length], &identities) {
                assert!(
                    part.tree().has_values_of(whole.tree()),
                    "{format}, {length} bytes"
                );
            }
        }
    }
}

#[test]
fn windows_line_ends_do_no_harm_or_are_named() {
    let identities = mock();
    for (format, bytes) in encrypted() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let text = text.replace('\n', "\r\n");
        let expected = open(format, &bytes, &identities).unwrap();
        match open(format, text.as_bytes(), &identities) {
            Ok(opened) => assert!(opened.tree().has_values_of(expected.tree()), "{format}"),
            Err(error) => {
                assert_eq!(format, Format::Dotenv);
                assert_eq!(
                    error.to_string(),
                    "the lines end with CR and LF, and in dotenv the CR is part of every value: convert them to LF alone"
                );
            }
        }
    }
}

/// In dotenv it is part of the first key, as it is for `sops`.
#[test]
fn a_byte_order_mark_is_passed_over() {
    let identities = mock();
    for (format, bytes) in encrypted() {
        let marked = [b"\xef\xbb\xbf", bytes.as_slice()].concat();
        if format != Format::Dotenv {
            let expected = open(format, &bytes, &identities).unwrap();
            let opened = open(format, &marked, &identities).unwrap();
            assert!(opened == expected, "{format}");
        }
    }
    let document = Document::parse(Format::Dotenv, "\u{feff}A=1\n").unwrap();
    assert_eq!(document.to_bytes().as_slice(), "\u{feff}A=1\n".as_bytes());
}

#[test]
fn bytes_that_are_not_text_are_named_or_kept() {
    for format in Format::ALL {
        let bytes: &[u8] = match format {
            Format::Json => b"{\"a\": \"x\xff\"}",
            Format::Ini => b"[a]\nb=x\xff\n",
            Format::Dotenv => b"ab=\nc=x\xff\n",
            _ => b"abcd: x\xff\n",
        };
        if format == Format::Binary {
            let identity = Identity::generate();
            let document = Document::parse(format, bytes).unwrap();
            let rule = EncryptionRule::for_recipients(identity.recipient());
            let text = document.encrypt(&rule).unwrap().to_text();
            let opened = open(format, text.as_bytes(), &Identities::from(identity)).unwrap();
            assert_eq!(opened.to_bytes().as_slice(), bytes);
        } else {
            let offset = bytes.iter().position(|&byte| byte == 0xff).unwrap();
            assert_eq!(parse_error(format, bytes), ParseError::NotUtf8 { offset });
            assert!(EncryptedFile::parse(format, bytes).is_err());
        }
    }
}

/// Nested `levels` deep, in every way that a format has.
fn nested(levels: usize) -> Vec<(Format, String)> {
    let around = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
    };
    vec![
        (Format::Json, around("{\"a\": ", "1", "}")),
        (
            Format::Json,
            format!("{{\"a\": {}}}", around("[", "1", "]")),
        ),
        (Format::Yaml, around("{a: ", "1", "}")),
        (Format::Yaml, format!("a: {}", around("[", "1", "]"))),
        (Format::Yaml, format!("a:\n  {}1\n", "- ".repeat(levels))),
        (Format::Yaml, format!("a:\n  {}1\n", "? ".repeat(levels))),
        (Format::Yaml, format!("a: {}", "[".repeat(levels))),
        (Format::Json, "{\"a\": ".repeat(levels)),
    ]
}

#[test]
fn containers_may_nest_deeply_but_not_without_end() {
    let identity = Identity::generate();
    let rule = EncryptionRule::for_recipients(identity.recipient());
    // The last three end nowhere, or have a list for a key.
    for (format, text) in nested(MAX_DEPTH - 1).into_iter().take(5) {
        let document = Document::parse(format, &text).unwrap();
        let encrypted = document.encrypt(&rule).unwrap().to_text();
        let identities = Identities::from(identity.clone());
        let opened = open(format, encrypted.as_bytes(), &identities).unwrap();
        assert!(opened == document);
    }
    for levels in [MAX_DEPTH + 1, 10_000, 200_000] {
        for (format, text) in nested(levels) {
            let error = parse_error(format, text.as_bytes());
            let is_named = matches!(
                error,
                ParseError::TooDeep { .. } | ParseError::Syntax { .. } | ParseError::Key { .. }
            );
            assert!(is_named, "{format}: {error}");
        }
    }
    let mut deep = sops_rs::Value::Null;
    for _ in 0..MAX_DEPTH {
        deep = sops_rs::Value::from(vec![deep]);
    }
    let mut mapping = sops_rs::Mapping::default();
    mapping.push("a", deep);
    let documents = vec![mapping];
    assert!(Document::from_tree(Format::Json, Tree { documents }).is_err());
}

/// A file with the values of this text.
fn file(format: Format, text: &str) -> (String, Identities) {
    let identity = Identity::generate();
    let rule = EncryptionRule::for_recipients(identity.recipient());
    let document = Document::parse(format, text).unwrap();
    let text = document.encrypt(&rule).unwrap().to_text();
    (text, Identities::from(identity))
}

/// The lines of a file, with two of them exchanged.
fn swapped(text: &str, first: usize, second: usize) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(first, second);
    lines.join("\n")
}

const EDITED: &str = "the MAC does not match the contents: a value was changed, added or removed without encrypting the file again";

#[test]
fn tampered_values_are_told_by_their_path() {
    let (text, keys) = file(
        Format::Yaml,
        "a: x\nb:\n    c: y\n    d: z\nlist:\n    - p\n    - q\n",
    );
    assert_eq!(error(Format::Yaml, &text, &keys), "opens");
    let moved = "the encrypted value was changed, or moved to another key";
    let renamed = text.replace("    c: ", "    e: ");
    assert_eq!(
        error(Format::Yaml, &renamed, &keys),
        format!("b.e: {moved}")
    );
    let (c, d) = (text.lines().nth(2).unwrap(), text.lines().nth(3).unwrap());
    let value = |line: &str| line.split_once(": ").unwrap().1.to_owned();
    let exchanged = text.replace(&value(c), "TMP").replace(&value(d), &value(c));
    let exchanged = exchanged.replace("TMP", &value(d));
    assert_eq!(
        error(Format::Yaml, &exchanged, &keys),
        format!("b.c: {moved}")
    );
    assert_eq!(error(Format::Yaml, &swapped(&text, 2, 3), &keys), EDITED);
    assert_eq!(error(Format::Yaml, &swapped(&text, 5, 6), &keys), EDITED);
    let flipped = text.replace(&value(d), &value(d).replace("data:", "data:AAAA"));
    assert_eq!(
        error(Format::Yaml, &flipped, &keys),
        format!("b.d: {moved}")
    );
    let no_base64 = text.replace(&value(d), &value(d).replace("data:", "data:*"));
    assert_eq!(
        error(Format::Yaml, &no_base64, &keys),
        "b.d: field `data` of the encrypted value is not base64"
    );
    let number = text.replace(&value(d), "12");
    assert_eq!(
        error(Format::Yaml, &number, &keys),
        "b.d: expected an encrypted value, found a number"
    );
    let removed = text.lines().enumerate().filter(|(index, _)| *index != 6);
    let removed: Vec<&str> = removed.map(|(_, line)| line).collect();
    assert_eq!(error(Format::Yaml, &removed.join("\n"), &keys), EDITED);
}

#[test]
fn values_of_flat_formats_are_told_by_their_path_too() {
    let moved = "the encrypted value was changed, or moved to another key";
    let (text, keys) = file(Format::Dotenv, "A=x\nB=y\n");
    let renamed = text.replace("\nB=", "\nC=");
    assert_eq!(
        error(Format::Dotenv, &renamed, &keys),
        format!("C: {moved}")
    );
    let (text, keys) = file(Format::Ini, "[s]\nkey = x\n");
    let renamed = text.replace("[s]", "[t]");
    assert_eq!(
        error(Format::Ini, &renamed, &keys),
        format!("t.key: {moved}")
    );
    let (text, keys) = file(Format::Json, "{\"a\": [1, {\"b\": 2}]}");
    let renamed = text.replace("\"b\"", "\"c\"");
    assert_eq!(
        error(Format::Json, &renamed, &keys),
        format!("a[1].c: {moved}")
    );
    let (text, keys) = file(Format::Binary, "x");
    let renamed = text.replace("\"data\"", "\"date\"");
    assert_eq!(
        error(Format::Binary, &renamed, &keys),
        "a binary file holds one value under the key `data` and nothing else"
    );
}

#[test]
fn keys_that_are_there_twice_are_named() {
    let (text, keys) = file(Format::Yaml, "a: x\nb: y\n");
    let doubled = format!("{}\n{text}", text.lines().next().unwrap());
    assert_eq!(
        error(Format::Yaml, &doubled, &keys),
        "line 2: key `a` is already defined"
    );
    for (format, plain) in [(Format::Json, "{\"a\": \"x\"}"), (Format::Dotenv, "a=x\n")] {
        let (text, keys) = file(format, plain);
        let line = text.lines().find(|line| line.contains("ENC[")).unwrap();
        let doubled = text.replacen(line, &format!("{line}\n{line}"), 1);
        assert_eq!(
            error(format, &doubled, &keys),
            "a: the key is there twice, and the MAC does not match the contents"
        );
    }
    let (text, keys) = file(Format::Ini, "[s]\na = x\n");
    let line = text.lines().find(|line| line.starts_with("a = ")).unwrap();
    let doubled = text.replacen(line, &format!("{line}\n{line}"), 1);
    assert_eq!(
        error(Format::Ini, &doubled, &keys),
        "line 3: key `a` is already defined"
    );
    let (text, keys) = file(Format::Json, "{\"a\": \"x\"}");
    let doubled = text.replacen("\t\"sops\"", "\t\"sops\": {},\n\t\"sops\"", 1);
    assert_eq!(
        error(Format::Json, &doubled, &keys),
        "a document has two `sops` entries"
    );
}

#[test]
fn every_document_of_a_file_has_metadata() {
    let (text, keys) = file(Format::Yaml, "a: x\n---\nb: y\n");
    let (first, second) = text.split_once("\n---\n").unwrap();
    let without = |document: &str| document.split("sops:\n").next().unwrap().to_owned();
    let only_first = format!("{first}\n---\n{}", without(second));
    assert_eq!(
        error(Format::Yaml, &only_first, &keys),
        "document 2 has no `sops` entry: it was added after encryption, or is not encrypted"
    );
    let only_second = format!("{}---\n{second}", without(first));
    assert_eq!(
        error(Format::Yaml, &only_second, &keys),
        "document 2 has a `sops` entry, the first document has none"
    );
    let sops = &second[second.find("sops:").unwrap()..];
    assert_eq!(
        error(Format::Yaml, &format!("{text}{sops}"), &keys),
        "a document has two `sops` entries"
    );
    assert_eq!(
        error(Format::Yaml, &without(first), &keys),
        "the file is not encrypted: it has no `sops` entry"
    );
}

/// `sops` refuses each of the first, and could not read what it makes of the last.
#[test]
fn what_a_merge_key_cannot_merge_is_not_encrypted() {
    let rule = EncryptionRule::for_recipients(Identity::generate().recipient());
    let encrypt = |text: &str| {
        let document = Document::parse(Format::Yaml, text).unwrap();
        document
            .encrypt(&rule)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    for (text, found) in [
        ("a:\n  <<: text\n", "a string"),
        ("a:\n  <<: 5\n", "an integer"),
        ("a:\n  <<:\n  b: 2\n", "null"),
        ("a:\n  <<: [1, 2]\n", "a list"),
        ("a:\n  \"<<\": text\n", "a string"),
    ] {
        let expected = format!(
            "a[\"<<\"]: the merge key `<<` takes a mapping or a list of mappings, not {found}"
        );
        assert_eq!(encrypt(text), Err(expected), "{text}");
    }
    for text in [
        "x: &x {k: v}\na: {<<: *x, c: 1}\n",
        "x: &x {k: v}\na: {<<: [*x, {z: 1}], c: 1}\n",
        "a:\n  <<: []\n",
    ] {
        assert_eq!(encrypt(text), Ok(()), "{text}");
    }
}
