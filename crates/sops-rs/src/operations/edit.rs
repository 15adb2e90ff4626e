//! An encrypted file that is open for changes, and how it is closed again.
//!
//! Data key, nonces of unchanged values and everything the metadata says stay; the MAC and the
//! time of the last change are new. A file in which nothing changed is given back as it was.

use jiff::Timestamp;
use rand::{CryptoRng, RngCore};

use super::reuse::{Ivs, KnownIvs};
use crate::data_key::{DataKey, WrapError};
use crate::document::{Document, EncryptError, encrypt_tree};
use crate::encrypted_file::{DecryptError, EncryptedFile, MacCheck, Warning};
use crate::keys::Identities;
use crate::metadata::Metadata;
use crate::rule::EncryptionRule;

/// An open file.
///
/// ```
/// use sops_rs::{Document, EncryptionRule, Format, Identities, Identity, Value};
///
/// let identity = Identity::generate();
/// let rule = EncryptionRule::for_recipients(identity.recipient());
/// let file = Document::parse(Format::Yaml, "user: ada\npassword: old\n")?.encrypt(&rule)?;
///
/// let mut edit = file.edit(&Identities::from(identity.clone()))?;
/// edit.document_mut().set(&"password".parse()?, Value::from("new"))?;
/// let changed = edit.save()?;
///
/// let first_line = |text: String| text.lines().next().map(str::to_owned);
/// assert_eq!(first_line(changed.to_text()), first_line(file.to_text()));
/// let opened = changed.decrypt(&Identities::from(identity))?;
/// assert_eq!(opened.document.to_bytes().as_slice(), b"user: ada\npassword: new\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Edit {
    original: EncryptedFile,
    key: DataKey,
    ivs: KnownIvs,
    document: Document,
    warnings: Vec<Warning>,
    check: MacCheck,
}

/// A document that cannot take the place of an encrypted one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The old file does not open.
    #[error("the file whose data key is to be kept does not open")]
    Old(#[source] DecryptError),
    /// It cannot be encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
    /// The data key cannot be wrapped for the new recipients.
    #[error(transparent)]
    Rewrap(#[from] super::RewrapError),
}

impl EncryptedFile {
    /// Opens the file for changes with whichever identity fits.
    pub fn edit(&self, identities: &Identities) -> Result<Edit, DecryptError> {
        self.edit_with(&self.data_key(identities)?, MacCheck::Required)
    }

    /// Opens the file for changes with its data key.
    pub fn edit_with(&self, key: &DataKey, check: MacCheck) -> Result<Edit, DecryptError> {
        let mut ivs = KnownIvs::default();
        let opened = self.decrypt_remembering(key, check, Some(&mut ivs))?;
        Ok(Edit {
            original: self.clone(),
            key: key.clone(),
            ivs,
            document: opened.document,
            warnings: opened.warnings,
            check,
        })
    }
}

impl Document {
    /// Encrypts it in the place of an older version of itself: with the same data key, and with
    /// the same ciphertext for every value that did not change.
    ///
    /// ```
    /// use sops_rs::{Document, EncryptionRule, Format, Identities, Identity};
    ///
    /// let identity = Identity::generate();
    /// let rule = EncryptionRule::for_recipients(identity.recipient());
    /// let identities = Identities::from(identity);
    /// let old = Document::parse(Format::Yaml, "a: one\nb: two\n")?.encrypt(&rule)?;
    ///
    /// let new = Document::parse(Format::Yaml, "a: one\nb: three\n")?;
    /// let new = new.encrypt_reusing(&old, &identities, &rule)?;
    /// let value = |file: &sops_rs::EncryptedFile, key| file.tree().documents[0].get(key).cloned();
    /// assert!(value(&new, "a") == value(&old, "a"));
    /// assert!(value(&new, "b") != value(&old, "b"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(
        clippy::disallowed_methods,
        reason = "the default at the edge; `encrypt_reusing_with` takes it"
    )]
    pub fn encrypt_reusing(
        &self,
        old: &EncryptedFile,
        identities: &Identities,
        rule: &EncryptionRule,
    ) -> Result<EncryptedFile, SaveError> {
        let key = old.data_key(identities).map_err(SaveError::Old)?;
        self.encrypt_reusing_with(old, &key, rule, Timestamp::now(), &mut rand::rngs::OsRng)
    }

    /// Encrypts it in the place of an older version of itself, whose data key is given, with the
    /// given time and randomness.
    pub fn encrypt_reusing_with(
        &self,
        old: &EncryptedFile,
        key: &DataKey,
        rule: &EncryptionRule,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<EncryptedFile, SaveError> {
        let edit = old.edit_with(key, MacCheck::Required);
        let mut edit = edit.map_err(SaveError::Old)?;
        edit.replace(self.clone());
        edit.save_under(rule, now, rng)
    }
}

impl Edit {
    /// Returns the document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns the document, to be changed.
    pub fn document_mut(&mut self) -> &mut Document {
        &mut self.document
    }

    /// Puts another document in its place.
    pub fn replace(&mut self, document: Document) {
        self.document = document;
    }

    /// Remembers the ciphertexts of another file too, if it has the same data key: its values keep
    /// theirs when they come into this one.
    pub(super) fn learn(
        &mut self,
        other: &EncryptedFile,
        key: &DataKey,
    ) -> Result<(), DecryptError> {
        if key.bytes() == self.key.bytes() {
            other.decrypt_remembering(key, MacCheck::Skipped, Some(&mut self.ivs))?;
        }
        Ok(())
    }

    /// Returns what was odd about the file.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Encrypts the document again, at the time of now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the default at the edge; `save_with` takes it"
    )]
    pub fn save(self) -> Result<EncryptedFile, EncryptError> {
        self.save_with(Timestamp::now(), &mut rand::rngs::OsRng)
    }

    /// Encrypts the document again, with the given time and randomness.
    pub fn save_with(
        self,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<EncryptedFile, EncryptError> {
        let key = self.key.clone();
        let metadata = self.original.metadata().clone();
        self.seal(&key, metadata, now, rng)
    }

    /// Encrypts the document with the selection and for the recipients of a rule.
    fn save_under(
        self,
        rule: &EncryptionRule,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<EncryptedFile, SaveError> {
        let (rewrapped, _) = self.original.update_keys_with(&self.key, rule)?;
        let key = self.key.clone();
        let mut metadata = rewrapped.metadata().clone();
        metadata.selection = self.document.selection_of(rule).clone();
        metadata.mac_only_encrypted = rule.mac_only_encrypted();
        Ok(self.seal(&key, metadata, now, rng)?)
    }

    /// Encrypts the document with a data key of its own.
    pub(super) fn save_rotated(
        self,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
        wrap: impl FnOnce(&DataKey, &mut Metadata) -> Result<(), WrapError>,
    ) -> Result<EncryptedFile, EncryptError> {
        let key = DataKey::generate(rng);
        let mut metadata = self.original.metadata().clone();
        wrap(&key, &mut metadata)?;
        self.seal(&key, metadata, now, rng)
    }

    fn seal(
        self,
        key: &DataKey,
        mut metadata: Metadata,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<EncryptedFile, EncryptError> {
        if self.document.is_encrypted() {
            return Err(EncryptError::AlreadyEncrypted);
        }
        let format = self.document.format;
        let mut document = self.document;
        let mut ivs = Ivs::known(self.ivs, &mut document.tree, &metadata.selection, rng);
        let encrypted = encrypt_tree(document, key, &metadata, &mut ivs)?;
        let original = self.original.metadata();
        let same_mac = self.check == MacCheck::Required
            && key.bytes() == self.key.bytes()
            && original.mac_only_encrypted == metadata.mac_only_encrypted
            && original.selection == metadata.selection;
        if same_mac && encrypted.tree.is_same_as(self.original.tree()) {
            return Ok(self.original.with_metadata(Metadata {
                key_groups: metadata.key_groups,
                shamir_threshold: metadata.shamir_threshold,
                ..original.clone()
            }));
        }
        encrypted.state_mac(key, &mut metadata, now, &mut ivs);
        Ok(EncryptedFile::new(format, encrypted.tree, metadata))
    }
}
