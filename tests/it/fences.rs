//! The table of fences: every line of it is there, and the page for people is made from it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use camino::Utf8Path;
use serde_json::Value;

use crate::support::{Case, cases};

const TABLE: &str = "tests/fences/mutants.json";

pub fn tests() -> Vec<Case> {
    cases![
        every_mutant_changes_one_expression_that_is_there,
        every_mutant_names_a_test_that_is_there,
    ]
}

fn read(path: &str) -> String {
    let path = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn mutants() -> Vec<Value> {
    let table: Value = serde_json::from_str(&read(TABLE)).expect("the table is JSON");
    table.as_array().expect("it is a list").clone()
}

fn text<'a>(mutant: &'a Value, key: &str) -> &'a str {
    mutant[key].as_str().expect("every mutant has every text")
}

fn every_mutant_changes_one_expression_that_is_there() {
    for mutant in mutants() {
        let (file, line) = (text(&mutant, "file"), text(&mutant, "line"));
        let place = mutant["in"].as_str().unwrap_or(line);
        assert_eq!(read(file).matches(place).count(), 1, "{file}: {place}");
        assert_eq!(place.matches(line).count(), 1, "{place}: {line}");
        assert_ne!(line, text(&mutant, "becomes"));
    }
}

fn every_mutant_names_a_test_that_is_there() {
    let mut sources = String::new();
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    crate::support::walk(&root, &mut |file| {
        if file.extension() == Some("rs") {
            sources.push_str(&std::fs::read_to_string(file).expect("sources are text"));
        }
    });
    for mutant in mutants() {
        let test = text(&mutant, "test");
        let last = test.rsplit("::").next().unwrap_or(test);
        let is_there = [format!("fn {last}("), format!("mod {last};")]
            .iter()
            .any(|it| sources.contains(it));
        assert!(is_there, "{test}");
    }
}

/// The page for people.
pub fn page() -> String {
    let mut page = String::from(
        "<!-- Generated from tests/fences/mutants.json by scripts/generate. -->\n# Fences\n\n\
         What must never happen, what a step needs before it acts and what must hold after it, and the test that notices\n\
         when the code that sees to it is switched off. `scripts/mutants` switches off each in turn, in a copy of the source.\n",
    );
    let mutants = mutants();
    let mut told = BTreeSet::new();
    for mutant in &mutants {
        let fence = text(mutant, "fence");
        if !told.insert(fence) {
            continue;
        }
        write!(
            page,
            "\n## {fence}\n\n| switched off | in | noticed by |\n|---|---|---|\n"
        )
        .expect("a string takes all");
        for mutant in mutants.iter().filter(|it| text(it, "fence") == fence) {
            let (off, file, test) = (
                text(mutant, "off"),
                text(mutant, "file"),
                text(mutant, "test"),
            );
            writeln!(page, "| {off} | `{file}` | `{test}` |").expect("a string takes all");
        }
    }
    page
}
