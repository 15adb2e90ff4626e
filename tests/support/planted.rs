//! Secrets that must not be seen anywhere.
//!
//! A test plants secrets (or registers those that a command made), lets commands run, and asks
//! whether any output, file or process argument holds one of them: as it is, in Base64 (also in the
//! middle of something longer) or percent-encoded, in one line or line by line.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use camino::{Utf8Path, Utf8PathBuf};

use super::env::{Run, walk};

/// What is shorter would be found by chance.
const SHORTEST: usize = 8;

/// A registry of secrets by name.
#[derive(Debug, Default)]
pub struct Planted {
    /// The forms in which secrets could show, each with its secret's name.
    forms: Vec<(String, String)>,
    /// What finds all of them in one pass, once it is needed: a talkative log has megabytes, and a
    /// bundle a thousand lines of keys.
    search: OnceLock<AhoCorasick>,
}

impl Planted {
    /// Knows no secret yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a secret with the forms in which it could show.
    pub fn plant(&mut self, name: impl Into<String>, secret: &str) {
        let name = name.into();
        let secret = secret.trim();
        assert!(
            secret.len() >= SHORTEST,
            "`{name}` is too short to be searched for"
        );
        let forms = forms_of(secret).into_iter();
        self.forms.extend(forms.map(|form| (name.clone(), form)));
        self.search.take();
    }

    /// The names of the secrets that a text holds.
    pub fn found_in(&self, text: &[u8]) -> Vec<&str> {
        let search = self.search.get_or_init(|| {
            let forms = self.forms.iter().map(|(_, form)| form);
            AhoCorasick::new(forms).expect("there are not that many")
        });
        let found = search.find_overlapping_iter(text);
        let names = found.map(|it| self.forms[it.pattern()].0.as_str());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Fails when a run shows a secret.
    #[track_caller]
    pub fn absent_from(&self, run: &Run) {
        self.absent_from_text("standard output", run.stdout.as_bytes());
        self.absent_from_text("standard error", run.stderr.as_bytes());
    }

    /// Fails when a text shows a secret.
    #[track_caller]
    pub fn absent_from_text(&self, place: &str, text: &[u8]) {
        let found = self.found_in(text);
        assert!(found.is_empty(), "{place} shows {found:?}");
    }

    /// The files below a folder that hold a secret, with its name, but for the files that may.
    pub fn leaks_below(&self, folder: &Utf8Path, except: &[&str]) -> Vec<String> {
        let mut files: Vec<Utf8PathBuf> = Vec::new();
        walk(folder, &mut |file| files.push(file));
        assert!(!files.is_empty(), "{folder} holds no file to search");
        files.sort();
        let mut leaks = Vec::new();
        for file in files {
            let name = file.strip_prefix(folder).unwrap_or(&file);
            if except.iter().any(|allowed| name == Utf8Path::new(allowed)) {
                continue;
            }
            let content = std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
            let found = self.found_in(&content);
            leaks.extend(found.iter().map(|secret| format!("{name}: {secret}")));
        }
        leaks
    }

    /// Fails when a file below a folder holds a secret, but for the files that may.
    #[track_caller]
    pub fn absent_below(&self, folder: &Utf8Path, except: &[&str]) {
        let leaks = self.leaks_below(folder, except);
        assert!(leaks.is_empty(), "{folder} shows {leaks:?}");
    }

    /// Fails when an argument of a running process holds a secret (where `/proc` shows them).
    #[track_caller]
    pub fn absent_from_process_arguments(&self) {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return;
        };
        for entry in entries.flatten() {
            if let Ok(arguments) = std::fs::read(entry.path().join("cmdline")) {
                let place = format!("the command line of {}", entry.path().display());
                self.absent_from_text(&place, &arguments);
            }
        }
    }
}

fn forms_of(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms = vec![
        secret.to_owned(),
        secret.replace('\n', "\\n"),
        percent_encoded(bytes),
    ];
    for before in 0..3 {
        let encoded = within_base64(before, bytes);
        forms.push(encoded.replace('+', "-").replace('/', "_"));
        forms.push(encoded);
    }
    // A PEM block that is indented in YAML shows line by line; its first and last say nothing.
    forms.extend(
        secret
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"))
            .map(str::to_owned),
    );
    forms
}

/// What Base64 shows of a secret for certain, whatever follows it, after so many bytes (modulo 3).
fn within_base64(before: usize, secret: &[u8]) -> String {
    const BITS: usize = 6;
    let bytes = [&[0; 2][..before], secret].concat();
    let own = (before * 8).div_ceil(BITS)..bytes.len() * 8 / BITS;
    STANDARD_NO_PAD.encode(bytes)[own].to_owned()
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(*byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
