//! What people wrote in JSON.

use proptest::prelude::*;
use sops_rs::{Document, EncryptedFile, Format, Layout, Pattern, Selection};

use super::lab::{Lab, changed_lines};
use super::written::json::{masked, written};

#[test]
fn what_people_wrote_survives() {
    let table = [
        (r#"{"a":1,"b":"x"}"#, r#"{"a":"ENC","b":"ENC"}"#, None),
        (
            "{\n  \"a\" : 1.0,\n\n  \"b\": [ 1, true,null ]\n}",
            "{\n  \"a\" : \"ENC\",\n\n  \"b\": [ \"ENC\", \"ENC\",null ]\n}",
            None,
        ),
        (
            "\u{feff}{ \"a\": { \"b\": \"<é>\" }, \"c\": \"\" }\r\n",
            "\u{feff}{ \"a\": { \"b\": \"ENC\" }, \"c\": \"\" }\r\n",
            None,
        ),
        (
            "{\n  \"a\": 1\n  , \"b\": 2\n}\n",
            "{\n  \"a\": \"ENC\"\n  , \"b\": \"ENC\"\n}\n",
            None,
        ),
        ("{}", "{}", None),
        (" {\n } ", " {\n } ", None),
        ("{\"a\": {}}\n", "{\"a\": {}}\n", None),
        // How an encrypted value was spelled is not known any more.
        (
            r#"{"a":1e3,"b":"\u0041\/","\u0063":2.50}"#,
            r#"{"a":"ENC","b":"ENC","\u0063":"ENC"}"#,
            Some(r#"{"a":1000.0,"b":"A/","\u0063":2.5}"#),
        ),
    ];
    Lab::new(Format::Json).check(masked, &table);
}

/// A text as `sops` lays it out gets the spelling of `sops`, too.
#[test]
fn the_layout_of_sops_comes_with_its_spelling() {
    let table = [(
        "{\n\t\"a\": \"<\",\n\t\"b\": 1.0\n}\n",
        "{\n\t\"a\": \"ENC\",\n\t\"b\": \"ENC\"\n}\n",
        Some("{\n\t\"a\": \"\\u003c\",\n\t\"b\": 1\n}\n"),
    )];
    Lab::new(Format::Json).check(masked, &table);
}

#[test]
fn what_is_clear_keeps_its_spelling() {
    let selection = Selection::EncryptedRegex(Pattern::new("^data$").unwrap());
    let lab = Lab::selecting(Format::Json, selection);
    let text = r#"{"kind" : "\u0053ecret","n":[1e3, 2.50,-0],"data":{"k":"v" } }"#;
    let encrypted = lab.encrypt(text);
    assert_eq!(masked(&encrypted), text.replace("\"v\"", "\"ENC\""));
    assert_eq!(lab.decrypt(&encrypted), text);
}

#[test]
fn the_metadata_is_laid_out_as_the_text_is() {
    let lab = Lab::new(Format::Json);
    let starts = |text: &str, start: &str| {
        let encrypted = lab.encrypt(text);
        let sops = encrypted.find("\"sops\"").unwrap();
        assert!(
            encrypted[sops..].starts_with(start),
            "{}",
            &encrypted[sops..]
        );
    };
    starts("{\"a\":1}", "\"sops\":{\"age\":[{\"enc\":\"");
    starts("{\"a\": 1, \"b\": 2}", "\"sops\": {\"age\": [{\"enc\": \"");
    starts(
        "{\n   \"a\":1\n}",
        "\"sops\":{\n      \"age\":[\n         {\n            \"enc\":\"",
    );
    starts(
        "{\r\n \"a\": 1\r\n}",
        "\"sops\": {\r\n  \"age\": [\r\n   {\r\n    \"enc\": \"",
    );
    starts("{}", "\"sops\": {\"age\": [{\"enc\": \"");
}

#[test]
fn one_member_is_set_added_or_removed() {
    let lab = Lab::new(Format::Json);
    let text = "{\n  \"a\": 1,\n  \"m\": {\"x\": 1, \"y\": 2},\n\n  \"n\": {\n    \"b\": \"two\"\n  },\n  \"l\": [\"p\", \"q\"]\n}\n\n";
    let encrypted = lab.encrypt(text);
    let set = |path: &str, value: &str, from: &str, to: &str, lines: usize| {
        let changed = lab.set(&encrypted, path, value);
        assert_eq!(lab.decrypt(&changed), text.replacen(from, to, 1), "{path}");
        assert_eq!(changed_lines(&encrypted, &changed), lines, "{changed}");
    };
    set("a", "7", "\"a\": 1", "\"a\": 7", 1);
    set("m.y", "<z>", "\"y\": 2", "\"y\": \"<z>\"", 1);
    set(
        "m.z",
        "[1, {k: v}]",
        "\"y\": 2",
        "\"y\": 2, \"z\": [1, {\"k\": \"v\"}]",
        1,
    );
    set(
        "n.c",
        "{d: [1]}",
        "\"two\"",
        "\"two\",\n    \"c\": {\n      \"d\": [\n        1\n      ]\n    }",
        6,
    );
    set("l[2]", "r", "\"q\"", "\"q\", \"r\"", 1);
    set("l[0]", "{}", "\"p\"", "{}", 1);
    set("n", "5", "{\n    \"b\": \"two\"\n  }", "5", 1);
    set("new", "x", "\"q\"]", "\"q\"],\n  \"new\": \"x\"", 1);
    let unset = |path: &str, from: &str, lines: usize| {
        let changed = lab.unset(&encrypted, path);
        assert_eq!(lab.decrypt(&changed), text.replacen(from, "", 1), "{path}");
        assert_eq!(changed_lines(&encrypted, &changed), lines, "{changed}");
    };
    unset("a", "\"a\": 1,\n  ", 0);
    unset("m.x", "\"x\": 1, ", 1);
    unset("m.y", ", \"y\": 2", 1);
    unset("n", ",\n\n  \"n\": {\n    \"b\": \"two\"\n  }", 0);
    unset("l[0]", "\"p\", ", 1);
    unset("l", ",\n  \"l\": [\"p\", \"q\"]", 0);
}

/// A comment of a list that was converted from YAML is an element while it is encrypted.
#[test]
fn comments_leave_no_trace() {
    let lab = Lab::new(Format::Json);
    let yaml = Document::parse(Format::Yaml, "l:\n  # why\n  - a\n  - b\n").unwrap();
    let document = Document::from_tree(Format::Json, yaml.into_tree()).unwrap();
    let like = document.to_text_like("{\"l\":[\"c\"]}", Layout::default());
    assert_eq!(like.unwrap().as_str(), r#"{"l":["a","b"]}"#);
    let encrypted = lab.edit(&lab.encrypt("{\"l\":[\"c\"]}"), |to| *to = document);
    let file = EncryptedFile::parse(Format::Json, &encrypted).unwrap();
    assert_eq!(
        masked(&file.to_text_like(&encrypted, Layout::default()).unwrap()),
        r#"{"l":["ENC","ENC","ENC"]}"#
    );
    assert_eq!(lab.decrypt(&encrypted), r#"{"l":["a","b"]}"#);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_values_change(written in written()) {
        let lab = Lab::new(Format::Json);
        let encrypted = lab.encrypt(&written.text);
        prop_assert_eq!(masked(&encrypted), written.masked);
        prop_assert_eq!(lab.decrypt(&encrypted), written.text);
    }
}
