//! `--reuse OLD`: a document is encrypted as the successor of a file that is encrypted already.

use camino::Utf8Path;
use sops_rs::{Document, EncryptedFile, EncryptionRule, SaveError};

use super::decrypt::parse;
use super::unlock;
use super::workspace::{Workspace, format};
use crate::cli::{Failure, Kind};
use crate::store::Original;

/// Encrypts with the data key of the old file; values that did not change keep their bytes.
pub(super) fn encrypt(
    workspace: &Workspace<'_>,
    document: &Document,
    rule: &EncryptionRule,
    old: &Utf8Path,
) -> Result<EncryptedFile, Failure> {
    let path = workspace.path(old);
    let original = Original::read(&path)?;
    let encrypted = parse(&path, format(&path), original.bytes())?;
    let identities = workspace.identities(Some(&path), &encrypted);
    document
        .encrypt_reusing(&encrypted, &identities, rule)
        .map_err(|error| match error {
            SaveError::Old(error) => unlock::failure(&path, error, Some(&encrypted), &identities),
            error => Failure::new(Kind::Failed, error),
        })
}
