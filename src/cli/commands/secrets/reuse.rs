//! `--reuse OLD`: a document is encrypted as the successor of a file that is encrypted already.

use camino::Utf8Path;
use sops_rs::{DataKey, Document, EncryptedFile, EncryptionRule, SaveError};

use super::decrypt::parse;
use super::unlock;
use super::workspace::{Workspace, format};
use crate::cli::{Failure, Kind};
use crate::store::Original;

/// A file that was encrypted with the data key of an older one.
pub(super) struct Reused {
    pub(super) file: EncryptedFile,
    pub(super) key: DataKey,
}

/// Encrypts with the data key of the old file; values that did not change keep their bytes.
pub(super) fn encrypt(
    workspace: &Workspace<'_>,
    document: &Document,
    rule: &EncryptionRule,
    old: &Utf8Path,
) -> Result<Reused, Failure> {
    let path = workspace.path(old);
    let original = Original::read(&path)?;
    let encrypted = parse(&path, format(&path), original.bytes())?;
    check_recipients(&path, &encrypted, rule)?;
    let identities = workspace.identities(Some(&path), &encrypted);
    let opens = |error| unlock::failure(&path, error, Some(&encrypted), &identities);
    let file = document
        .encrypt_reusing(&encrypted, &identities, rule)
        .map_err(|error| match error {
            SaveError::Old(error) => opens(error),
            error => Failure::new(Kind::Failed, error),
        })?;
    let key = encrypted.data_key(&identities).map_err(opens)?;
    Ok(Reused { file, key })
}

/// Refuses a data key that somebody knows for whom the new file is not meant: they could read it.
fn check_recipients(
    path: &Utf8Path,
    old: &EncryptedFile,
    rule: &EncryptionRule,
) -> Result<(), Failure> {
    let removed = old.key_difference(rule).removed;
    if removed.is_empty() {
        return Ok(());
    }
    let message = format!(
        "`{path}` is also encrypted for {}, whom the rule leaves out: they know its data key, and could read the \
         new file",
        removed.join(", ")
    );
    Err(Failure::message(Kind::Refused, message)
        .hint(format!(
            "run `homelab secrets updatekeys {path}` and `homelab secrets rotate {path}` first"
        ))
        .hint("or encrypt without `--reuse`: the file gets a data key of its own"))
}
