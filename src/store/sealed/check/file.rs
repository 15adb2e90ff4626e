//! One file, looked at from every side.

use std::cell::OnceCell;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use regex::bytes::Regex;
use sops_rs::{CreationRule, Document, Format, Mapping, Selection, Value};

use super::clear::clear_secrets;
use super::finding::{Code, Finding};
use super::flux::FluxView;
use super::places::Places;
use super::private_keys::private_keys;
use super::rules;
use super::{damage, encrypted};
use crate::store::sealed::{Keyring, RULES_FILE, Rulebook, selection_text};

/// What files are checked against.
pub struct Check<'a> {
    /// The repository's root; findings name files relative to it.
    pub root: &'a Utf8Path,
    /// The rules.
    pub rules: &'a Rulebook,
    /// The keys at hand.
    pub keys: &'a Keyring,
    /// What Flux reads and with which key, where that is known.
    pub flux: Option<&'a FluxView>,
    /// The time of day.
    pub now: Timestamp,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file, relative to the root.
    pub file: Utf8PathBuf,
    /// What it is.
    pub status: Status,
    /// The rule that holds for it, counted from 1.
    pub rule: Option<usize>,
    /// Whether its rule is for every file, so that nobody said that this one is encrypted.
    pub passed_over: bool,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No secret, as far as can be told.
    Plain,
    /// Encrypted, and opened.
    Opened,
    /// Encrypted; no key at hand opens it.
    Closed,
}

/// A file and what is known about it.
pub(super) struct Subject<'a> {
    pub(super) file: &'a Utf8Path,
    pub(super) format: Format,
    pub(super) bytes: &'a [u8],
    pub(super) rule: Option<&'a CreationRule>,
    places: OnceCell<Places>,
    /// Whether somebody says that it is encrypted: the rule by its pattern, or the user by naming a
    /// file that a rule without a pattern holds for.
    is_meant: bool,
}

impl Subject<'_> {
    /// A finding about a line of this file.
    pub(super) fn finding(
        &self,
        code: Code,
        line: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding {
            file: self.file.to_owned(),
            line,
            code,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// The line of a value.
    pub(super) fn line(&self, path: &sops_rs::ValuePath) -> usize {
        self.places().line(path)
    }

    /// The line of a document.
    pub(super) fn document_line(&self, index: usize) -> usize {
        self.places().document_line(index)
    }

    /// Read when they are first asked for.
    fn places(&self) -> &Places {
        self.places.get_or_init(|| {
            let text = std::str::from_utf8(self.bytes);
            text.map_or_else(|_| Places::default(), |text| Places::of(self.format, text))
        })
    }
}

impl Check<'_> {
    /// Looks at a file, given relative to the root, and its contents. `named`: the user asks about
    /// this very file, so that a rule without `path_regex` counts as well.
    pub fn file(&self, file: &Utf8Path, bytes: &[u8], named: bool) -> FileReport {
        let mut report = FileReport {
            file: file.to_owned(),
            status: Status::Plain,
            rule: None,
            passed_over: false,
            findings: key_findings(file, bytes),
        };
        if file.file_name() == Some(RULES_FILE) {
            report.findings.extend(rules::check(file, bytes, self.root));
            report.findings.sort();
            return report;
        }
        let place = self.root.join(file);
        let rules = match self.rules.rules_for(&place) {
            Ok(rules) => rules,
            Err(error) => {
                report.findings.push(rules::unusable(&error, self.root));
                None
            }
        };
        let rule = rules.as_ref().and_then(|rules| rules.rule_for(&place));
        if let (Some(rules), Some(rule)) = (&rules, rule) {
            let unusable = rules::unusable_rule(rules, rule, self.root);
            report.findings.extend(unusable);
        }
        report.passed_over = !named && rule.is_some_and(|rule| rule.path_regex().is_none());
        report.rule = rule.map(CreationRule::number);
        let subject = Subject {
            file,
            format: Format::of_path(file.as_std_path()),
            bytes,
            rule,
            places: OnceCell::new(),
            is_meant: rule.is_some() && !report.passed_over,
        };
        self.contents(&subject, &mut report);
        report.findings.sort();
        report
    }

    fn contents(&self, subject: &Subject<'_>, report: &mut FileReport) {
        if !subject.is_meant && !may_matter(subject) {
            return;
        }
        let read = damage::parse(subject.format, subject.bytes);
        if let Some(message) = damage::damage_of(subject.format, subject.bytes, &read) {
            report.status = Status::Closed;
            report.findings.push(damaged(subject, message));
            return;
        }
        match read {
            Ok(document) if document.is_encrypted() => {
                encrypted::check(self, subject, &document, report);
            }
            _ if subject.format == Format::Binary => {
                report
                    .findings
                    .extend(subject.is_meant.then(|| plaintext(subject)));
            }
            Ok(document) => report.findings.extend(plain(subject, &document)),
            Err(error) if subject.is_meant => report.findings.push(subject.finding(
                Code::Plaintext,
                1,
                format!("its rule says that it is encrypted, but it cannot be read: {error}"),
                "mend the file, or narrow the rule's `path_regex`",
            )),
            Err(_) => {}
        }
    }
}

/// Tells whether a file may be encrypted, or hold a Secret, without reading it as a document.
fn may_matter(subject: &Subject<'_>) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"ENC\[AES256_GCM,|lastmodified|Secret").expect("it is a constant")
    });
    WORDS.is_match(subject.bytes)
}

fn key_findings(file: &Utf8Path, bytes: &[u8]) -> Vec<Finding> {
    let found = private_keys(bytes).into_iter();
    found
        .map(|key| Finding {
            file: file.to_owned(),
            line: key.line,
            code: Code::PrivateKey,
            message: format!("a private key lies here in the clear: {}", key.kind),
            remedy: "move it out of the repository, or encrypt the file; a key that was pushed is to be \
                     replaced"
                .to_owned(),
        })
        .collect()
}

fn damaged(subject: &Subject<'_>, message: String) -> Finding {
    subject.finding(
        Code::Damaged,
        1,
        message,
        format!("take the last good state of `{}` from Git", subject.file),
    )
}

fn plain(subject: &Subject<'_>, document: &Document) -> Vec<Finding> {
    let mut findings = clear_secrets(subject, document);
    let rule = subject.rule.filter(|_| subject.is_meant);
    let Some(encryption) = rule.and_then(|rule| rule.encryption_rule().ok()) else {
        return findings;
    };
    let survey = document.survey(encryption.selection());
    if survey.selected().next().is_some() {
        return vec![plaintext(subject)];
    }
    if !survey.values.is_empty() && findings.is_empty() && !is_kubernetes(subject, document) {
        findings.push(nothing_selected(subject, encryption.selection()));
    }
    findings
}

/// Tells whether a file is for Kubernetes. A rule for a folder of such files means its Secrets.
fn is_kubernetes(subject: &Subject<'_>, document: &Document) -> bool {
    let name = subject.file.file_name().unwrap_or_default();
    let is_object = |document: &Mapping| {
        let has = |key| document.get(key).and_then(Value::as_str).is_some();
        document.entries().next().is_none() || (has("apiVersion") && has("kind"))
    };
    matches!(name, "kustomization.yaml" | "kustomization.yml")
        || document.tree().documents.iter().all(is_object)
}

fn nothing_selected(subject: &Subject<'_>, selection: &Selection) -> Finding {
    let rule = subject.rule.map_or(0, CreationRule::number);
    subject.finding(
        Code::NothingSelected,
        1,
        format!(
            "rule {rule} of `{RULES_FILE}` is for this file, and its `{}` selects none of its values",
            selection_text(selection)
        ),
        format!(
            "correct what the rule selects, or narrow its `path_regex`; `homelab secrets explain {}` shows what it means",
            subject.file
        ),
    )
}

fn plaintext(subject: &Subject<'_>) -> Finding {
    let rule = subject.rule.map_or(0, CreationRule::number);
    subject.finding(
        Code::Plaintext,
        1,
        format!("rule {rule} of `{RULES_FILE}` says that it is encrypted, and it is in the clear"),
        format!("run `homelab secrets encrypt {}`", subject.file),
    )
}
