//! For whom a file is encrypted: other recipients, or another data key.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use rand::{CryptoRng, RngCore};

use crate::data_key::{DataKey, WrapError};
use crate::document::EncryptError;
use crate::encrypted_file::{DecryptError, EncryptedFile, MacCheck};
use crate::keys::{Identities, Recipient, RecipientError};
use crate::metadata::{KeyGroup, KeyKind, MasterKey, Metadata};
use crate::rule::EncryptionRule;

/// Recipients to add and to remove.
#[derive(Clone, Debug, Default)]
pub struct RecipientChange {
    /// Whom to add; they join the first group.
    pub add: Vec<Recipient>,
    /// Whom to remove, from every group.
    pub remove: Vec<String>,
}

/// How the recipients of a file differ from those that it should have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyDifference {
    /// Whom it lacks.
    pub added: Vec<String>,
    /// Who should not be able to open it.
    pub removed: Vec<String>,
}

/// A data key that cannot be wrapped anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RewrapError {
    /// The file does not open.
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
    /// A recipient in the file is not usable.
    #[error("the file has a recipient that cannot be used")]
    Recipient(#[from] RecipientError),
    /// The file has a key that a new data key cannot be wrapped for.
    #[error("the file has a key of kind `{}` (`{key}`), for which a new data key cannot be wrapped", kind.field())]
    ForeignKey {
        /// Its kind.
        kind: KeyKind,
        /// Its name.
        key: String,
    },
    /// Somebody to remove is not there.
    #[error("`{recipient}` is no recipient of the file")]
    NotARecipient {
        /// Who.
        recipient: String,
    },
    /// Nobody would be left.
    #[error("nobody would be left who can open the file")]
    NoRecipients,
    /// Its data key is shared out among several groups of keys.
    #[error("the file needs keys of several key groups, which is not supported yet")]
    KeyGroups,
    /// The data key could not be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// The values could not be encrypted again.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
}

impl MasterKey {
    /// Returns what names the key: the recipient, the fingerprint, the resource.
    pub fn id(&self) -> &str {
        match self {
            Self::Age { recipient, .. } => recipient,
            Self::Other { kind, fields } => {
                let field = match kind {
                    KeyKind::AzureKeyVault => "name",
                    KeyKind::GcpKms => "resource_id",
                    KeyKind::Vault => "key_name",
                    KeyKind::HuaweiKms => "key_id",
                    KeyKind::AwsKms => "arn",
                    KeyKind::Pgp => "fp",
                };
                fields
                    .get(field)
                    .and_then(crate::Value::as_str)
                    .unwrap_or("?")
            }
        }
    }
}

impl KeyDifference {
    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    fn between(group: &KeyGroup, wanted: &[Recipient]) -> Self {
        let has: BTreeSet<&str> = group.keys.iter().map(MasterKey::id).collect();
        let wants: BTreeSet<&str> = wanted.iter().map(Recipient::as_str).collect();
        let names = |keys: Vec<&&str>| keys.into_iter().map(|key| (*key).to_owned()).collect();
        Self {
            added: names(wants.difference(&has).collect()),
            removed: names(has.difference(&wants).collect()),
        }
    }
}

impl fmt::Display for KeyDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = self.added.iter().map(|key| format!("+ {key}"));
        let removed = self.removed.iter().map(|key| format!("- {key}"));
        let lines: Vec<String> = added.chain(removed).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl EncryptedFile {
    /// Gives the file a new data key: every value is encrypted again, with the nonce it had, and
    /// the key is wrapped for the recipients as changed.
    ///
    /// ```
    /// use sops_rs::{Document, EncryptionRule, Format, Identities, Identity, RecipientChange};
    ///
    /// let (ada, bob) = (Identity::generate(), Identity::generate());
    /// let rule = EncryptionRule::for_recipients([ada.recipient()]);
    /// let file = Document::parse(Format::Yaml, "password: secret\n")?.encrypt(&rule)?;
    ///
    /// let change = RecipientChange {
    ///     add: vec![bob.recipient()],
    ///     remove: vec![ada.recipient().to_string()],
    /// };
    /// let rotated = file.rotate(&Identities::from(ada.clone()), &change)?;
    /// assert!(rotated.decrypt(&Identities::from(bob)).is_ok());
    /// assert!(rotated.decrypt(&Identities::from(ada)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(
        clippy::disallowed_methods,
        reason = "the default at the edge; `rotate_with` takes it"
    )]
    pub fn rotate(
        &self,
        identities: &Identities,
        change: &RecipientChange,
    ) -> Result<Self, RewrapError> {
        let key = self.data_key(identities)?;
        self.rotate_with(&key, change, Timestamp::now(), &mut rand::rngs::OsRng)
    }

    /// Gives the file a new data key, with the given time and randomness.
    pub fn rotate_with(
        &self,
        key: &DataKey,
        change: &RecipientChange,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, RewrapError> {
        let recipients = change.apply(self.metadata())?;
        let edit = self.edit_with(key, MacCheck::Required)?;
        let wrap = |key: &DataKey, metadata: &mut Metadata| {
            metadata.key_groups = vec![wrap(key, &recipients, &KeyGroup::default())?];
            Ok(())
        };
        Ok(edit.save_rotated(now, rng, wrap)?)
    }

    /// Tells how the recipients differ from those of a rule; the order does not count.
    pub fn key_difference(&self, rule: &EncryptionRule) -> KeyDifference {
        match &self.metadata().key_groups[..] {
            [group] => KeyDifference::between(group, rule.recipients()),
            groups => {
                let keys = groups.iter().flat_map(|group| group.keys.clone());
                let all = KeyGroup {
                    keys: keys.collect(),
                };
                KeyDifference::between(&all, rule.recipients())
            }
        }
    }

    /// Makes the recipients those of a rule. Values, MAC and dates stay as they are, and so does
    /// the wrapped key of everybody who stays.
    ///
    /// ```
    /// use sops_rs::{Document, EncryptionRule, Format, Identities, Identity};
    ///
    /// let (ada, bob) = (Identity::generate(), Identity::generate());
    /// let rule = EncryptionRule::for_recipients([ada.recipient()]);
    /// let file = Document::parse(Format::Yaml, "password: secret\n")?.encrypt(&rule)?;
    ///
    /// let rule = EncryptionRule::for_recipients([ada.recipient(), bob.recipient()]);
    /// let (updated, difference) = file.update_keys(&Identities::from(ada), &rule)?;
    /// assert_eq!(difference.added, [bob.recipient().to_string()]);
    /// assert!(updated.decrypt(&Identities::from(bob)).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_keys(
        &self,
        identities: &Identities,
        rule: &EncryptionRule,
    ) -> Result<(Self, KeyDifference), RewrapError> {
        if self.key_difference(rule).is_empty() {
            return Ok((self.clone(), KeyDifference::default()));
        }
        self.update_keys_with(&self.data_key(identities)?, rule)
    }

    /// Makes the recipients those of a rule, with the file's data key.
    pub fn update_keys_with(
        &self,
        key: &DataKey,
        rule: &EncryptionRule,
    ) -> Result<(Self, KeyDifference), RewrapError> {
        let difference = self.key_difference(rule);
        if difference.is_empty() {
            return Ok((self.clone(), difference));
        }
        let [group] = &self.metadata().key_groups[..] else {
            return Err(RewrapError::KeyGroups);
        };
        let mut metadata = self.metadata().clone();
        metadata.key_groups = vec![wrap(key, rule.recipients(), group)?];
        Ok((self.with_metadata(metadata), difference))
    }
}

impl RecipientChange {
    /// The recipients that a file will have.
    fn apply(&self, metadata: &Metadata) -> Result<Vec<Recipient>, RewrapError> {
        let [group] = &metadata.key_groups[..] else {
            return Err(RewrapError::KeyGroups);
        };
        let mut recipients: Vec<Recipient> = Vec::new();
        let stay = group.keys.iter().filter(|key| !self.removes(key.id()));
        for key in stay {
            match key {
                MasterKey::Age { recipient, .. } => recipients.push(recipient.parse()?),
                MasterKey::Other { kind, .. } => {
                    return Err(RewrapError::ForeignKey {
                        kind: *kind,
                        key: key.id().to_owned(),
                    });
                }
            }
        }
        let is_there = |id: &&String| group.keys.iter().any(|key| key.id() == id.as_str());
        if let Some(recipient) = self.remove.iter().find(|id| !is_there(id)) {
            let recipient = recipient.clone();
            return Err(RewrapError::NotARecipient { recipient });
        }
        for recipient in &self.add {
            if !recipients
                .iter()
                .any(|own| own.as_str() == recipient.as_str())
            {
                recipients.push(recipient.clone());
            }
        }
        if recipients.is_empty() {
            return Err(RewrapError::NoRecipients);
        }
        Ok(recipients)
    }

    fn removes(&self, id: &str) -> bool {
        self.remove.iter().any(|removed| removed == id)
    }
}

/// Wraps a data key for a group of recipients; who has it already keeps it.
fn wrap(key: &DataKey, recipients: &[Recipient], known: &KeyGroup) -> Result<KeyGroup, WrapError> {
    let keys = recipients.iter().map(|recipient| {
        let known = known.keys.iter().find(|key| key.id() == recipient.as_str());
        match known {
            Some(key @ MasterKey::Age { .. }) => Ok(key.clone()),
            _ => Ok(MasterKey::Age {
                recipient: recipient.as_str().to_owned(),
                enc: key.wrap(recipient)?,
            }),
        }
    });
    let keys = keys.collect::<Result<_, WrapError>>()?;
    Ok(KeyGroup { keys })
}
