//! Writing a new file, only ever encrypted.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sops_rs::{Config, ConfigError, DecryptError, Document, EncryptError, EncryptionRule};
use sops_rs::{Format, Identities, ParseError, Recipient};

use super::open::public_halves;
use crate::model::Secret;
use crate::store::{CreateError, Readers, create};
use crate::yaml;

/// Why a file cannot be made encrypted.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No rule is for this file.
    #[error("no rule in `.sops.yaml` is for `{0}`")]
    NoRule(Utf8PathBuf),
    /// The rule cannot be followed.
    #[error("cannot follow the rule in `.sops.yaml` for `{file}`")]
    Rule {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: Box<ConfigError>,
    },
    /// Nobody here could open the file again.
    #[error("`{file}` would be encrypted for keys that are not at hand")]
    NotForUs {
        /// The file.
        file: Utf8PathBuf,
        /// For whom it would be encrypted.
        recipients: Vec<String>,
        /// The public halves of the keys at hand, each with its place.
        identities: Vec<String>,
    },
    /// The content cannot be encrypted.
    #[error("cannot encrypt `{file}`")]
    Encrypt {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: Box<EncryptError>,
    },
    /// The rule selects nothing, so the file would hold everything in the clear.
    #[error("the rule in `.sops.yaml` for `{0}` encrypts none of its values")]
    NothingEncrypted(Utf8PathBuf),
    /// What was encrypted does not open again as what it was.
    #[error("`{file}` does not open again after encryption")]
    Check {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: Box<DecryptError>,
    },
    /// The emitted text is not what the encryption reads.
    #[error("cannot encrypt `{file}`")]
    Text {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: Box<ParseError>,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Create(#[from] CreateError),
}

impl SealError {
    /// The same where the only key is one that was made for the attempt: nobody has it.
    pub(super) fn without_key(mut self) -> Self {
        if let Self::NotForUs { identities, .. } = &mut self {
            identities.clear();
        }
        self
    }
}

/// Makes encrypted files by the rules of a repository, for keys of which one is at hand.
pub(super) struct Sealer<'a> {
    pub(super) root: &'a Utf8Path,
    pub(super) rules: &'a Config,
    pub(super) identities: &'a Identities,
}

impl Sealer<'_> {
    /// Returns the rule for a file; fails when nobody here could open the file again.
    pub(super) fn rule(&self, file: &Utf8Path) -> Result<EncryptionRule, SealError> {
        let rule = self
            .rules
            .rule_for(file.as_std_path())
            .ok_or_else(|| SealError::NoRule(file.to_owned()))?
            .encryption_rule()
            .map_err(|source| SealError::Rule {
                file: file.to_owned(),
                source: Box::new(source),
            })?;
        let ours: Vec<_> = self.identities.recipients().collect();
        let is_ours = |recipient: &Recipient| ours.iter().any(|own| own.is_same_key(recipient));
        if rule.recipients().any(is_ours) {
            return Ok(rule);
        }
        let recipients = rule.recipients();
        Err(SealError::NotForUs {
            file: file.to_owned(),
            recipients: recipients
                .map(|recipient| recipient.as_str().to_owned())
                .collect(),
            identities: public_halves(self.identities),
        })
    }

    /// Encrypts a document, proves that it opens again, and writes it where no file is yet.
    pub(super) fn seal(&self, file: &Utf8Path, document: &Value) -> Result<(), SealError> {
        let rule = self.rule(file)?;
        let plain = Secret::new(yaml::emit(document));
        let encrypted = Document::parse(Format::Yaml, plain.expose())
            .map_err(|source| SealError::Text {
                file: file.to_owned(),
                source: Box::new(source),
            })?
            .encrypt(&rule)
            .map_err(|source| SealError::Encrypt {
                file: file.to_owned(),
                source: Box::new(source),
            })?;
        if encrypted.encrypted_values() == 0 {
            return Err(SealError::NothingEncrypted(file.to_owned()));
        }
        encrypted
            .decrypt(self.identities)
            .map_err(|source| SealError::Check {
                file: file.to_owned(),
                source: Box::new(source),
            })?;
        let text = encrypted.to_text_with(self.rules.layout());
        Ok(create(self.root, file, text.as_bytes(), Readers::All)?)
    }
}
