//! Generated documents of every format but YAML through both tools, byte by byte; YAML is in `tests/it/sops.rs`.
//!
//! Documents come from proptest's strategies with a fixed seed. A process of `sops` costs more than the document it
//! handles, so most documents share a file, as members of one JSON object or sections of one INI file; the others have
//! a file of their own.

use std::fmt::Write as _;

use camino::Utf8PathBuf;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Number, Value as Json};
use sops_rs::{Document, EncryptedFile, EncryptionRule, Format, Identities, Identity};

use crate::support::{Case, TestEnv, realparts};

pub fn tests() -> Vec<Case> {
    let cases = [
        Case::new("json", || both_ways(Format::Json, json_files())),
        Case::new("dotenv", || both_ways(Format::Dotenv, dotenv_files())),
        Case::new("ini", || both_ways(Format::Ini, ini_files())),
        Case::new("binary", || both_ways(Format::Binary, binary_files())),
    ];
    let parts = |case: Case| case.parts(&["sops"]);
    cases.into_iter().map(parts).collect()
}

/// A key, and a directory in which `sops` runs with it.
struct Lab {
    env: TestEnv,
    identity: Identity,
}

impl Lab {
    fn new() -> Self {
        let env = TestEnv::new();
        let identity = Identity::generate();
        env.write(
            "age.key",
            identity.to_text().expect("an age key").as_bytes(),
        );
        Self { env, identity }
    }

    /// Runs a command of `sops` on a file, and returns what it writes.
    fn sops(&self, verb: &str, format: Format, bytes: &[u8]) -> Result<Vec<u8>, String> {
        self.env.write("in", bytes);
        let kind = format.name();
        let types = ["--input-type", kind, "--output-type", kind];
        let arguments = [&[verb], &types[..], &["--output", "out", "in"]].concat();
        let run = self
            .env
            .program(realparts::program("sops", "sops"), arguments)
            .env("SOPS_AGE_KEY_FILE", self.env.root().join("age.key"))
            .env("SOPS_AGE_RECIPIENTS", self.identity.public_part())
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .run();
        if run.code != Some(0) {
            return Err(format!("sops {verb}: {}", run.stderr));
        }
        Ok(std::fs::read(self.env.root().join("out")).unwrap())
    }

    fn open(&self, format: Format, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let file = EncryptedFile::parse(format, bytes).map_err(|error| error.to_string())?;
        let opened = file.decrypt(&Identities::from(self.identity.clone()));
        let document = opened.map_err(|error| error.to_string())?.document;
        Ok(document.to_bytes().to_vec())
    }

    /// Both ways with one file; everything must be equal byte by byte.
    fn compare(&self, format: Format, plain: &[u8]) -> Result<(), String> {
        let document = Document::parse(format, plain).map_err(|error| error.to_string())?;
        let printed = document.to_bytes().to_vec();
        let rule = EncryptionRule::for_recipients(self.identity.recipient());
        let ours = document.encrypt(&rule).map_err(|error| error.to_string())?;
        let ours = ours.to_text().into_bytes();
        equal(
            "ours by sops",
            &self.sops("decrypt", format, &ours)?,
            &self.open(format, &ours)?,
        )?;
        let theirs = self.sops("encrypt", format, plain)?;
        let opened = self.open(format, &theirs)?;
        equal(
            "theirs by sops",
            &self.sops("decrypt", format, &theirs)?,
            &opened,
        )?;
        equal("theirs as it was", &opened, &printed)?;
        let file = EncryptedFile::parse(format, &theirs).map_err(|error| error.to_string())?;
        if format != Format::Binary {
            equal("theirs printed again", file.to_text().as_bytes(), &theirs)?;
        }
        Ok(())
    }
}

fn equal(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (found, expected) = (text(found), text(expected));
    let lines = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    Err(format!("{what}: {lines:?}"))
}

/// Compares generated files and those of the corpus, half of them on another thread.
fn both_ways(format: Format, mut files: Vec<(usize, Vec<u8>)>) {
    files.extend(corpus(format));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let halves = files.chunks(files.len().div_ceil(2)).map(|half| {
            scope.spawn(move || {
                let lab = Lab::new();
                let differ = |(_, plain): &(usize, Vec<u8>)| {
                    let error = lab.compare(format, plain).err()?;
                    Some(format!("{error}\nin {:?}", String::from_utf8_lossy(plain)))
                };
                half.iter().filter_map(differ).collect::<Vec<_>>()
            })
        });
        let halves: Vec<_> = halves.collect();
        let results = halves.into_iter().map(|half| half.join().unwrap());
        results.flatten().collect()
    });
    let documents: usize = files.iter().map(|(documents, _)| documents).sum();
    assert!(
        wrong.is_empty(),
        "{} of {} files with {documents} documents differ; the first: {}",
        wrong.len(),
        files.len(),
        wrong[0]
    );
}

/// The values that a strategy gives with a fixed seed.
fn generated<S: Strategy>(count: usize, strategy: &S) -> Vec<S::Value> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = |_| strategy.new_tree(&mut runner).unwrap().current();
    (0..count).map(tree).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9 _./:@%+-]{0,24}",
        2 => "[ -~]{0,24}",
        1 => "[ -~\n\t]{0,40}",
        1 => "[a-zé漢\u{1f600}<>&\u{2028}\u{7f}]{0,8}",
        1 => prop::sample::select(vec![
            "true", "null", "~", "0644", "1e3", "1_000", "2024-01-02", "yes", "<<", "", "\n", " a\n\n", "---",
        ])
        .prop_map(str::to_owned),
    ]
}

fn json() -> impl Strategy<Value = Json> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("a number", Number::from_f64),
        (-1000i32..1000).prop_map(|n| Number::from_f64(f64::from(n) / 8.0).unwrap()),
    ];
    let leaf = prop_oneof![
        4 => text().prop_map(Json::from),
        2 => number.prop_map(Json::Number),
        1 => any::<bool>().prop_map(Json::from),
        1 => Just(Json::Null),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::from),
            object(inner).prop_map(Json::Object),
        ]
    })
}

fn object(values: impl Strategy<Value = Json>) -> impl Strategy<Value = Map<String, Json>> {
    let entries = vec((text(), values), 0..5);
    entries.prop_map(|entries| {
        entries
            .into_iter()
            .filter(|(key, _)| key != "sops")
            .collect()
    })
}

fn json_files() -> Vec<(usize, Vec<u8>)> {
    let objects = generated(1000, &object(json()));
    let (alone, together) = objects.split_at(20);
    let alone = alone
        .iter()
        .map(|one| (1, serde_json::to_vec(one).unwrap()));
    let together = together.chunks(70).map(|group| {
        let members = group.iter().enumerate();
        let members = members.map(|(index, one)| (format!("{index}"), Json::Object(one.clone())));
        let all: Map<String, Json> = members.collect();
        (group.len(), serde_json::to_vec_pretty(&all).unwrap())
    });
    alone.chain(together).collect()
}

fn dotenv_files() -> Vec<(usize, Vec<u8>)> {
    let line = prop_oneof![
        6 => ("[A-Za-z_][A-Za-z0-9_ .]{0,8}", "[ -~é漢\t\r]{0,30}").prop_map(|(key, value)| format!("{key}={value}")),
        1 => "#[ -~é]{0,20}",
        1 => Just(String::new()),
        1 => "[A-Z]{1,3}=[a-z\\\\n]{0,12}",
    ];
    let line = line.prop_filter("a reserved key", |line| !line.starts_with("sops_"));
    let documents = generated(300, &vec(line, 1..10));
    let text = |group: &[Vec<String>]| {
        let lines = group.concat().join("\n");
        (group.len(), (lines + "\n").into_bytes())
    };
    let (alone, together) = documents.split_at(20);
    alone
        .chunks(1)
        .map(text)
        .chain(together.chunks(28).map(text))
        .collect()
}

fn ini_files() -> Vec<(usize, Vec<u8>)> {
    let bare = "[a-zA-Z0-9_./@%+-]([a-zA-Z0-9 _./@%+='\"-]{0,16}[a-zA-Z0-9])?";
    let value = prop_oneof![
        4 => bare.prop_map(|text: String| text),
        1 => Just(String::new()),
        1 => "[a-z ]{1,8}".prop_map(|text| format!("\"{text}\"")),
        1 => "[a-z#; ]{1,8}".prop_map(|text| format!("`{text}`")),
        1 => "[a-z]{1,4}\n[a-z ]{1,4}".prop_map(|text| format!("\"\"\"{text}\"\"\"")),
        1 => "[a-z]{1,8} [;#] [a-z ]{1,8}",
        1 => "[a-z]{1,4}\\\\\n +[a-z]{1,4}",
    ];
    let key = (
        "[a-zA-Z][a-zA-Z0-9_ .-]{0,8}",
        prop::sample::select(vec!["=", " = ", ":", " : "]),
    );
    let comment = "([;#] [a-z][a-zA-Z ]{0,12}\n){0,2}";
    let line =
        (comment, key, value).prop_map(|(comment, (key, sign), value)| (comment, key, sign, value));
    let section = ("[a-zA-Z][a-zA-Z0-9 ._-]{0,8}", vec(line, 0..6));
    let documents = generated(300, &section);
    let mut sections = Vec::new();
    for (index, (name, lines)) in documents.into_iter().enumerate() {
        let mut text = format!("[{name}{index}]\n");
        for (number, (comment, key, sign, value)) in lines.into_iter().enumerate() {
            let _ = writeln!(text, "{comment}{key}{number}{sign}{value}");
        }
        sections.push(text);
    }
    let text = |group: &[String]| (group.len(), group.concat().into_bytes());
    let (alone, together) = sections.split_at(20);
    alone
        .chunks(1)
        .map(text)
        .chain(together.chunks(28).map(text))
        .collect()
}

fn binary_files() -> Vec<(usize, Vec<u8>)> {
    let documents = generated(60, &vec(any::<u8>(), 1..300));
    documents.into_iter().map(|bytes| (1, bytes)).collect()
}

/// The plain files of the library's corpus.
fn corpus(format: Format) -> Vec<(usize, Vec<u8>)> {
    let data = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/sops-rs/tests/data");
    let mut found = Vec::new();
    crate::support::env::walk(&data, &mut |path| {
        let is_plain = path
            .file_name()
            .is_some_and(|name| name.starts_with("in.") || name.contains(".in."));
        if is_plain && Format::of_path(path.as_std_path()) == format {
            found.push((1, std::fs::read(&path).unwrap()));
        }
    });
    found
}
