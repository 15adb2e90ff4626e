//! A file that says that it is encrypted: whether that is so, for whom, and whether it is whole.

use std::collections::BTreeSet;

use sops_rs::{
    CipherError, CreationRule, DecryptError, Document, EncryptedFile, Format, MacCause, Selection,
    Survey, ValuePath,
};

use super::file::{Check, FileReport, Status, Subject};
use super::finding::{Code, Finding};
use super::flux;
use super::{bundle, clear};
use crate::store::sealed::{RULES_FILE, selection_text};

/// The reserved key.
const SOPS: &str = "sops";

pub(super) fn check(
    check: &Check<'_>,
    subject: &Subject<'_>,
    document: &Document,
    report: &mut FileReport,
) {
    report.status = Status::Closed;
    report.findings.extend(missing_documents(subject, document));
    let encrypted = match EncryptedFile::parse(subject.format, subject.bytes) {
        Ok(encrypted) => encrypted,
        Err(error) => {
            report
                .findings
                .push(damaged(subject, 1, &error.to_string()));
            return;
        }
    };
    let survey = encrypted.survey();
    let exposed = exposed_values(subject, &survey);
    let is_partial = !exposed.is_empty();
    report.findings.extend(exposed);
    report
        .findings
        .extend(nothing_encrypted(subject, &encrypted, &survey));
    report
        .findings
        .extend(clear_secrets(subject, &encrypted, &survey));
    if let Some(rule) = subject.rule {
        report
            .findings
            .extend(rule_findings(subject, &encrypted, rule, &survey));
    }
    report
        .findings
        .extend(flux::check(subject, &encrypted, &survey, check.flux));
    let recipients = encrypted.metadata().age_recipients();
    let place = check.root.join(subject.file);
    let identities = check.keys.identities(Some(&place), recipients);
    match encrypted.decrypt(&identities) {
        Ok(opened) => {
            report.status = Status::Opened;
            report
                .findings
                .extend(bundle::check(check, subject, &opened.document));
        }
        Err(error) => report.findings.extend(failure(subject, &error, is_partial)),
    }
}

/// A file that calls itself encrypted while everybody can read all of it, as after a key was mistyped.
fn nothing_encrypted(
    subject: &Subject<'_>,
    encrypted: &EncryptedFile,
    survey: &Survey,
) -> Option<Finding> {
    let mut values = survey.values.iter();
    let selects_none = !survey.values.is_empty() && values.all(|value| !value.selected);
    selects_none.then(|| {
        let selection = selection_text(&encrypted.metadata().selection);
        let file = subject.file;
        subject.finding(
            Code::NothingSelected,
            1,
            format!("it has a `sops` entry, but no value in it is encrypted: its `{selection}` selects none"),
            format!("correct its keys with `homelab secrets edit {file}`, and replace secrets that were pushed"),
        )
    })
}

/// Documents of which only some say that they are encrypted: Flux takes each by itself.
fn missing_documents(subject: &Subject<'_>, document: &Document) -> Vec<Finding> {
    if subject.format != Format::Yaml {
        return Vec::new();
    }
    let documents = document.tree().documents.iter().enumerate();
    let missing = documents.filter(|(_, document)| document.get(SOPS).is_none());
    missing
        .map(|(index, _)| {
            subject.finding(
                Code::MissingDocument,
                subject.document_line(index),
                format!("document {} has no `sops` entry, others have", index + 1),
                format!(
                    "take the file's last good state from Git, run `homelab secrets decrypt -i --over-tracked {0}`, add the document, \
                     and run `homelab secrets encrypt {0}`",
                    subject.file
                ),
            )
        })
        .collect()
}

fn exposed_values(subject: &Subject<'_>, survey: &Survey) -> Vec<Finding> {
    let exposed = survey.exposed();
    exposed
        .map(|value| {
            subject.finding(
                Code::PartlyEncrypted,
                subject.line(&value.path),
                format!("`{}` should be encrypted and is in the clear", value.path),
                format!(
                    "take the file's last good state from Git, and run `homelab secrets set {0} '{1}'`; without one, \
                     take the value out by hand, run `homelab secrets decrypt --ignore-mac -i --over-tracked {0}`, put \
                     it back, and run `homelab secrets encrypt {0}`; a value that was pushed is to be replaced",
                    subject.file, value.path
                ),
            )
        })
        .collect()
}

/// Secrets in an encrypted file of which nothing is encrypted, by the file's own selection.
fn clear_secrets(
    subject: &Subject<'_>,
    encrypted: &EncryptedFile,
    survey: &Survey,
) -> Vec<Finding> {
    let exposed: BTreeSet<&ValuePath> = survey.exposed().map(|value| &value.path).collect();
    let documents = encrypted.tree().documents.iter().enumerate();
    documents
        .filter_map(|(index, document)| {
            let (section, key) = clear::clear_value(document)?;
            let selection = selection_text(&encrypted.metadata().selection);
            let path = sops_rs::ValuePath::document(index)
                .join(sops_rs::Step::Key(section.to_owned()))
                .join(sops_rs::Step::Key(key.to_owned()));
            (!exposed.contains(&path)).then(|| {
                subject.finding(
                    Code::ClearSecret,
                    subject.line(&path),
                    format!("`{path}` of a Secret is in the clear: the file's `{selection}` leaves it out"),
                    "make the rule select `data` and `stringData`, and encrypt the file anew",
                )
            })
        })
        .collect()
}

fn rule_findings(
    subject: &Subject<'_>,
    encrypted: &EncryptedFile,
    rule: &CreationRule,
    survey: &Survey,
) -> Vec<Finding> {
    let Ok(wanted) = rule.encryption_rule() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let difference = encrypted.key_difference(&wanted);
    if !difference.is_empty() {
        let number = rule.number();
        let mut parts = Vec::new();
        if !difference.added.is_empty() {
            parts.push(format!("lacks {}", difference.added.join(", ")));
        }
        if !difference.removed.is_empty() {
            parts.push(format!("is also for {}", difference.removed.join(", ")));
        }
        if difference.regrouped {
            parts.push(
                "puts them into other key groups, or needs another number of groups".to_owned(),
            );
        }
        findings.push(subject.finding(
            Code::Recipients,
            1,
            format!(
                "other recipients than rule {number} of `{RULES_FILE}` says: it {}",
                parts.join(" and ")
            ),
            format!("run `homelab secrets updatekeys {}`", subject.file),
        ));
    }
    let wanted = wanted.selection();
    findings.extend(selection_finding(subject, encrypted, rule, wanted, survey));
    findings
}

fn selection_finding(
    subject: &Subject<'_>,
    encrypted: &EncryptedFile,
    rule: &CreationRule,
    wanted: &Selection,
    survey: &Survey,
) -> Option<Finding> {
    // Of a binary file everything is encrypted, whatever the rule selects.
    if subject.format == Format::Binary {
        return None;
    }
    let own = selection_text(&encrypted.metadata().selection);
    let rules = selection_text(wanted);
    if own == rules {
        return None;
    }
    if *survey == encrypted.survey_with(wanted) {
        return None;
    }
    Some(subject.finding(
        Code::Selection,
        1,
        format!(
            "it was encrypted by `{own}`, rule {} of `{RULES_FILE}` now says `{rules}`, which means other values",
            rule.number()
        ),
        format!("run `homelab secrets decrypt -i --over-tracked {0}` and `homelab secrets encrypt {0}`", subject.file),
    ))
}

/// What keeps a file from opening, as far as a key is at hand. `is_partial`: values in the clear are
/// known already, and everything else follows from them.
fn failure(subject: &Subject<'_>, error: &DecryptError, is_partial: bool) -> Option<Finding> {
    match error {
        DecryptError::Value { .. } | DecryptError::PlainValue { .. } if is_partial => None,
        DecryptError::Value {
            path,
            source: CipherError::Authentication,
        } => Some(subject.finding(
            Code::Damaged,
            subject.line(path),
            format!("`{path}` was changed, or moved here from another key"),
            format!(
                "`git log -p -- {}` shows when; take the last good state and make the change again",
                subject.file
            ),
        )),
        DecryptError::Value { path, .. }
        | DecryptError::PlainValue { path, .. }
        | DecryptError::MisplacedComment { path } => {
            Some(damaged(subject, subject.line(path), &error.to_string()))
        }
        DecryptError::MacMismatch { cause } => {
            Some(subject.finding(Code::Mac, 1, error.to_string(), mac_remedy(subject, cause)))
        }
        DecryptError::NoMac | DecryptError::MacUnreadable(_) => Some(subject.finding(
            Code::Mac,
            1,
            error.to_string(),
            mac_remedy(subject, &MacCause::Edited),
        )),
        DecryptError::DuplicateKey { path } => Some(subject.finding(
            Code::Mac,
            subject.line(path),
            error.to_string(),
            mac_remedy(subject, &MacCause::Edited),
        )),
        // Nobody here has a key for it; what it says may all be right.
        DecryptError::Key(error) if error.is_missing_key() => None,
        // Whatever else keeps it from opening, kinds that come to be later among it.
        _ => Some(damaged(subject, 1, &error.to_string())),
    }
}

fn mac_remedy(subject: &Subject<'_>, cause: &MacCause) -> String {
    match cause {
        MacCause::OnlyEncryptedSwitched => {
            "undo the change of `sops.mac_only_encrypted`".to_owned()
        }
        _ => format!(
            "`git log -p -- {0}` shows what changed; if it is wanted, run `homelab secrets decrypt --ignore-mac -i --over-tracked {0}` \
             and `homelab secrets encrypt {0}`",
            subject.file
        ),
    }
}

fn damaged(subject: &Subject<'_>, line: usize, message: &str) -> Finding {
    subject.finding(
        Code::Damaged,
        line,
        message,
        format!("take the last good state of `{}` from Git", subject.file),
    )
}
