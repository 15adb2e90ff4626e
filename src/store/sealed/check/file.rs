//! One file, looked at from every side.

use std::cell::OnceCell;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use regex::bytes::Regex;
use sops_rs::{CreationRule, Document, Format};

use super::clear::clear_secrets;
use super::encrypted;
use super::finding::{Code, Finding};
use super::flux::FluxView;
use super::places::Places;
use super::private_keys::private_keys;
use super::rules;
use crate::store::sealed::{Keyring, RULES_FILE, Rulebook};

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
    /// Looks at a file, given relative to the root, and its contents.
    pub fn file(&self, file: &Utf8Path, bytes: &[u8]) -> FileReport {
        let mut report = FileReport {
            file: file.to_owned(),
            status: Status::Plain,
            rule: None,
            findings: key_findings(file, bytes),
        };
        if file.file_name() == Some(RULES_FILE) {
            report.findings.extend(rules::check(file, bytes, self.root));
            report.findings.sort();
            return report;
        }
        // Rules that cannot be read are found where they stand.
        let place = self.root.join(file);
        let rules = self.rules.rules_for(&place).ok().flatten();
        let rule = rules.as_ref().and_then(|rules| rules.rule_for(&place));
        report.rule = rule.map(CreationRule::number);
        let subject = Subject {
            file,
            format: Format::of_path(file.as_std_path()),
            bytes,
            rule,
            places: OnceCell::new(),
        };
        self.contents(&subject, &mut report);
        report.findings.sort();
        report
    }

    fn contents(&self, subject: &Subject<'_>, report: &mut FileReport) {
        let is_meant = subject.rule.is_some_and(|rule| rule.path_regex().is_some());
        if !is_meant && !may_matter(subject) {
            return;
        }
        if subject.format == Format::Binary {
            return self.binary(subject, is_meant, report);
        }
        match Document::parse(subject.format, subject.bytes) {
            Ok(document) if document.is_encrypted() => {
                encrypted::check(self, subject, &document, report);
            }
            Ok(document) => {
                report.findings.extend(plain(subject, is_meant, &document));
            }
            Err(error) if is_meant => report.findings.push(subject.finding(
                Code::Plaintext,
                1,
                format!("its rule says that it is encrypted, but it cannot be read: {error}"),
                "mend the file, or narrow the rule's `path_regex`",
            )),
            Err(error) if has_encrypted_value(subject.bytes) => {
                report.findings.push(subject.finding(
                    Code::Damaged,
                    1,
                    format!("it has encrypted values, but cannot be read: {error}"),
                    format!("take the last good state of `{}` from Git", subject.file),
                ));
            }
            Err(_) => {}
        }
    }

    /// A binary file is encrypted when it is JSON with the reserved key.
    fn binary(&self, subject: &Subject<'_>, is_meant: bool, report: &mut FileReport) {
        match Document::parse(Format::Json, subject.bytes) {
            Ok(document) if document.is_encrypted() => {
                encrypted::check(self, subject, &document, report);
            }
            _ if is_meant => report.findings.push(plaintext(subject)),
            _ => {}
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

fn has_encrypted_value(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"ENC[AES256_GCM,";
    bytes.windows(MARK.len()).any(|part| part == MARK)
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

fn plain(subject: &Subject<'_>, is_meant: bool, document: &Document) -> Vec<Finding> {
    if let Some(rule) = subject.rule.filter(|_| is_meant)
        && let Ok(encryption) = rule.encryption_rule()
        && document
            .survey(encryption.selection())
            .selected()
            .next()
            .is_some()
    {
        return vec![plaintext(subject)];
    }
    clear_secrets(subject, document)
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
