//! What Flux makes of an encrypted file: it reads some fields in the clear, refuses large files, and
//! has one key.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{EncryptedFile, MasterKey, Survey, ValuePath};

use super::file::Subject;
use super::finding::{Code, Finding};

/// The largest encrypted file that kustomize-controller reads (`maxEncryptedFileSize`).
const MAX_BYTES: usize = 5 * 1024 * 1024;

/// What the API server and kustomize must read.
const CLEAR: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// What Flux reads, and with which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxView {
    /// The folder whose encrypted files it reads, relative to the repository's root.
    pub folder: Utf8PathBuf,
    /// Its key.
    pub key: ClusterKey,
}

/// The age key that the cluster holds, as far as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterKey {
    /// This one: the first at hand that the spec names, which bootstrap hands over.
    Known(String),
    /// One of these, which the spec names; none of their private halves is at hand.
    OneOf(Vec<String>),
}

impl FluxView {
    /// Tells whether Flux reads a file, given relative to the root.
    pub fn reads(&self, file: &Utf8Path) -> bool {
        file.starts_with(&self.folder)
    }

    /// Tells whether its key opens a file, for certain.
    pub fn opens(&self, file: &EncryptedFile) -> bool {
        match &self.key {
            ClusterKey::Known(recipient) => opens_alone(file, recipient),
            ClusterKey::OneOf(recipients) => {
                !recipients.is_empty() && recipients.iter().all(|one| opens_alone(file, one))
            }
        }
    }
}

impl ClusterKey {
    /// Returns the recipients that it may belong to.
    pub fn recipients(&self) -> &[String] {
        match self {
            Self::Known(recipient) => std::slice::from_ref(recipient),
            Self::OneOf(recipients) => recipients,
        }
    }
}

/// Tells whether one key is enough: its group is the only one, or the only one needed.
fn opens_alone(file: &EncryptedFile, recipient: &str) -> bool {
    let metadata = file.metadata();
    let groups = metadata.key_groups.iter().filter(|group| {
        let mut keys = group.keys.iter();
        keys.any(|key| matches!(key, MasterKey::Age { recipient: own, .. } if own == recipient))
    });
    let needed = match metadata.shamir_threshold {
        Some(threshold) if metadata.key_groups.len() > 1 => threshold as usize,
        _ => metadata.key_groups.len(),
    };
    groups.count() >= needed.max(1)
}

/// Finds what keeps Flux from reading a file.
pub(super) fn check(
    subject: &Subject<'_>,
    encrypted: &EncryptedFile,
    survey: &Survey,
    flux: Option<&FluxView>,
) -> Vec<Finding> {
    let mut findings = hidden_fields(subject, encrypted, survey);
    let Some(flux) = flux.filter(|flux| flux.reads(subject.file)) else {
        return findings;
    };
    let size = subject.bytes.len();
    if size > MAX_BYTES {
        findings.push(subject.finding(
            Code::FluxSize,
            1,
            format!("the file has {size} bytes; Flux refuses more than {MAX_BYTES}"),
            "split it into several Secrets",
        ));
    }
    if !flux.opens(encrypted) {
        findings.push(key_finding(subject, flux));
    }
    findings
}

fn key_finding(subject: &Subject<'_>, flux: &FluxView) -> Finding {
    let reason = match &flux.key {
        ClusterKey::Known(recipient) => {
            format!("the cluster's key {recipient} does not open it")
        }
        ClusterKey::OneOf(recipients) if recipients.is_empty() => {
            "homelab.yaml names no recipient, so the cluster has no key".to_owned()
        }
        ClusterKey::OneOf(recipients) => format!(
            "it is not for each of {}, of which one is the cluster's",
            recipients.join(", ")
        ),
    };
    subject.finding(
        Code::FluxKey,
        1,
        format!("Flux will read the file, but {reason}"),
        format!(
            "name the cluster's recipient in the file's rule, then run `homelab secrets updatekeys {}`",
            subject.file
        ),
    )
}

/// Fields of Kubernetes objects that are encrypted and must be read: one finding for each document.
fn hidden_fields(
    subject: &Subject<'_>,
    encrypted: &EncryptedFile,
    survey: &Survey,
) -> Vec<Finding> {
    let mut by_document: BTreeMap<usize, Vec<&ValuePath>> = BTreeMap::new();
    for value in survey.values.iter().filter(|value| value.encrypted) {
        if first_key(&value.path).is_some_and(|key| CLEAR.contains(&key)) {
            let hidden = by_document.entry(value.path.document_index());
            hidden.or_default().push(&value.path);
        }
    }
    let documents = &encrypted.tree().documents;
    let is_object = |index: usize| {
        let document = documents.get(index);
        document.is_some_and(|document| CLEAR.iter().all(|field| document.get(field).is_some()))
    };
    by_document
        .into_iter()
        .filter(|(index, _)| is_object(*index))
        .filter_map(|(_, hidden)| {
            let first = *hidden.first()?;
            let fields: BTreeSet<&str> = hidden.iter().filter_map(|path| first_key(path)).collect();
            let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
            Some(subject.finding(
                Code::FluxClear,
                subject.line(first),
                format!("{} of a Kubernetes object must stay readable, and are encrypted", fields.join(", ")),
                format!(
                    "give the file's rule `encrypted_regex: ^(data|stringData)$`, then run `homelab secrets decrypt \
                     -i --over-tracked {0}` and `homelab secrets encrypt {0}`",
                    subject.file
                ),
            ))
        })
        .collect()
}

fn first_key(path: &ValuePath) -> Option<&str> {
    match path.steps().first()? {
        sops_rs::Step::Key(key) => Some(key),
        sops_rs::Step::Index(_) => None,
    }
}
