//! Generated documents as people write them, encrypted in place by us and opened by the real `sops`: it must see what it
//! sees in the plain document.
//!
//! A process of `sops` costs more than the document it handles, so documents share files.

use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sops_rs::{Document, Format, Layout, Pattern, Selection};

use super::sops::{Lab, without_comments};
use crate::support::Case;

#[expect(
    dead_code,
    reason = "what becomes of a text is compared where it is generated for"
)]
#[path = "../../crates/sops-rs/tests/in_place/written/mod.rs"]
mod written;

use written::Written;
use written::ini::Comments;

/// How many documents of each format there are, and how many share a file.
const DOCUMENTS: usize = 210;
const IN_ONE_FILE: usize = 30;

pub fn tests() -> Vec<Case> {
    let cases = [
        Case::new("yaml", yaml),
        Case::new("json", json),
        Case::new("dotenv", dotenv),
        Case::new("ini", ini),
    ];
    let parts = |case: Case| case.parts(&["sops"]);
    cases.into_iter().map(parts).collect()
}

fn yaml() {
    let documents = generated(|_| written::yaml::written());
    let documents = documents
        .iter()
        .map(|entries| written::yaml::render(entries, false));
    let files = files(&documents.collect::<Vec<_>>(), "---\n");
    for text in &files {
        let [ours, theirs] = opened(Format::Yaml, text, &Selection::default());
        assert_eq!(without_comments(&ours), without_comments(&theirs), "{text}");
    }
}

fn json() {
    let documents = texts(&generated(|_| written::json::written()));
    let members = documents.iter().enumerate().map(|(number, text)| {
        let text = text.trim_start_matches('\u{feff}');
        format!("\"{number}\" :{text}")
    });
    for text in files(&members.collect::<Vec<_>>(), ",\n\n") {
        let text = format!("{{ {text}}}");
        let [ours, theirs] = opened(Format::Json, &text, &Selection::default());
        assert_eq!(ours, theirs, "{text}");
    }
}

fn dotenv() {
    let documents = generated(|number| written::dotenv::written(format!("K{number}_")));
    for text in files(&texts(&documents), "\n") {
        let [ours, theirs] = opened(Format::Dotenv, &text, &Selection::default());
        assert_eq!(ours, theirs, "{text}");
    }
}

fn ini() {
    let letters = Pattern::new("^[a-zA-Z]").unwrap();
    let keys_only = Selection::EncryptedRegex(letters);
    for (comments, prefix, selection) in [
        (Comments::Encrypted, "s", Selection::default()),
        (Comments::Clear, "0", keys_only),
    ] {
        let documents =
            generated(|number| written::ini::written(format!("{prefix}{number}_"), comments));
        for text in files(&texts(&documents), "\n") {
            let [ours, theirs] = opened(Format::Ini, &text, &selection);
            assert_eq!(ours, theirs, "{text}");
        }
    }
}

/// What `sops` makes of a document that we encrypted in place, and of the same one that it encrypted itself.
fn opened(format: Format, text: &str, selection: &Selection) -> [String; 2] {
    let lab = Lab::new();
    let name = ["file.yaml", "file.json", "file.env", "file.ini"]
        .into_iter()
        .find(|name| Format::of_path(Path::new(name)) == format)
        .expect("a format with a layout");
    let rule = lab.rule().with_selection(selection.clone());
    let document = Document::parse(format, text).unwrap();
    let in_place = document
        .encrypt(&rule)
        .unwrap()
        .to_text_like(text, Layout::default());
    let in_place = in_place.unwrap_or_else(|| panic!("not in place:\n{text}"));
    let run = |arguments: &[&str], text: &str| {
        lab.env.write(name, text);
        let run = lab.sops(arguments.iter().copied().chain([name]));
        assert_eq!(run.code, Some(0), "{arguments:?}: {}\n{text}", run.stderr);
        run.stdout
    };
    let encrypted = match selection {
        Selection::EncryptedRegex(pattern) => {
            run(&["encrypt", "--encrypted-regex", pattern.as_str()], text)
        }
        _ => run(&["encrypt"], text),
    };
    let opened = [&in_place, &encrypted].map(|text| run(&["decrypt"], text));
    assert!(
        !opened[1].is_empty() && !opened[1].contains("ENC["),
        "{}",
        opened[1]
    );
    opened
}

/// Documents from strategies with a fixed seed.
fn generated<S: Strategy>(strategy: impl Fn(usize) -> S) -> Vec<S::Value> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let one = |number| strategy(number).new_tree(&mut runner).unwrap().current();
    (0..DOCUMENTS).map(one).collect()
}

fn texts(documents: &[Written]) -> Vec<String> {
    documents
        .iter()
        .map(|written| written.text.clone())
        .collect()
}

/// Several documents in one file each.
fn files(documents: &[String], between: &str) -> Vec<String> {
    let groups = documents.chunks(IN_ONE_FILE);
    groups.map(|group| group.join(between)).collect()
}
