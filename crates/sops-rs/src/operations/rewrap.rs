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
use crate::recipient_groups::{RecipientGroups, RecipientGroupsError};
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
    /// Whether the keys are put into other groups, or another number of groups is needed.
    pub regrouped: bool,
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
    /// The groups of keys that would be left cannot share a key.
    #[error("the key groups that would be left cannot share a key")]
    KeyGroups(#[from] RecipientGroupsError),
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
        self.added.is_empty() && self.removed.is_empty() && !self.regrouped
    }

    fn between(metadata: &Metadata, wanted: &RecipientGroups) -> Self {
        let groups = &metadata.key_groups;
        let has: Vec<BTreeSet<&str>> = groups.iter().map(|group| ids(&group.keys)).collect();
        let wants = wanted.groups().iter();
        let wants: Vec<BTreeSet<&str>> = wants
            .map(|group| group.iter().map(Recipient::as_str).collect())
            .collect();
        let regrouped = has.len() != wants.len() || threshold(metadata) != wanted.threshold();
        let (has_all, wants_all): (BTreeSet<_>, BTreeSet<_>) = (
            has.iter().flatten().copied().collect(),
            wants.iter().flatten().copied().collect(),
        );
        let names = |keys: Vec<&&str>| keys.into_iter().map(|key| (*key).to_owned()).collect();
        Self {
            added: names(wants_all.difference(&has_all).collect()),
            removed: names(has_all.difference(&wants_all).collect()),
            regrouped: regrouped || (has_all == wants_all && has != wants),
        }
    }
}

fn ids(keys: &[MasterKey]) -> BTreeSet<&str> {
    keys.iter().map(MasterKey::id).collect()
}

/// The threshold of a file, where it means anything.
fn threshold(metadata: &Metadata) -> Option<u32> {
    let groups = u32::try_from(metadata.key_groups.len()).unwrap_or(u32::MAX);
    (groups > 1).then(|| metadata.shamir_threshold.unwrap_or(groups))
}

impl fmt::Display for KeyDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = self.added.iter().map(|key| format!("+ {key}"));
        let removed = self.removed.iter().map(|key| format!("- {key}"));
        let regrouped = self.regrouped.then(|| "other key groups".to_owned());
        let lines: Vec<String> = added.chain(removed).chain(regrouped).collect();
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
    /// let rule = EncryptionRule::for_recipients(ada.recipient());
    /// let file = Document::parse(Format::Yaml, "password: secret\n")?.encrypt(&rule)?;
    ///
    /// let change = RecipientChange {
    ///     add: bob.recipient().into_iter().collect(),
    ///     remove: vec![ada.public_part()],
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

    /// Gives the file, whose data key is given, a new one, and returns that too: whoever removes
    /// themselves can still look at the result.
    #[expect(
        clippy::disallowed_methods,
        reason = "the default at the edge, as in `rotate`"
    )]
    pub fn rotate_opened(
        &self,
        key: &DataKey,
        change: &RecipientChange,
    ) -> Result<(Self, DataKey), RewrapError> {
        self.rotated(key, change, Timestamp::now(), &mut rand::rngs::OsRng)
    }

    /// Gives the file a new data key, with the given time and randomness.
    pub fn rotate_with(
        &self,
        key: &DataKey,
        change: &RecipientChange,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, RewrapError> {
        Ok(self.rotated(key, change, now, rng)?.0)
    }

    fn rotated(
        &self,
        key: &DataKey,
        change: &RecipientChange,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, DataKey), RewrapError> {
        let groups = change.apply(self.metadata())?;
        let edit = self.edit_with(key, MacCheck::Required)?;
        let mut new = key.clone();
        let wrap = |key: &DataKey, metadata: &mut Metadata| {
            metadata.key_groups = groups.wrap(key, &mut rand::rngs::OsRng)?;
            metadata.shamir_threshold = groups.threshold();
            new = key.clone();
            Ok(())
        };
        Ok((edit.save_rotated(now, rng, wrap)?, new))
    }

    /// Tells how the recipients differ from those of a rule; the order does not count.
    pub fn key_difference(&self, rule: &EncryptionRule) -> KeyDifference {
        KeyDifference::between(self.metadata(), rule.groups())
    }

    /// Makes the recipients those of a rule. Values, MAC and dates stay as they are, and so does
    /// the wrapped key of everybody who stays.
    ///
    /// ```
    /// use sops_rs::{Document, EncryptionRule, Format, Identities, Identity};
    ///
    /// let (ada, bob) = (Identity::generate(), Identity::generate());
    /// let rule = EncryptionRule::for_recipients(ada.recipient());
    /// let file = Document::parse(Format::Yaml, "password: secret\n")?.encrypt(&rule)?;
    ///
    /// let rule = EncryptionRule::for_recipients([ada.recipient(), bob.recipient()].into_iter().flatten());
    /// let (updated, difference) = file.update_keys(&Identities::from(ada), &rule)?;
    /// assert_eq!(difference.added, [bob.public_part()]);
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
        if rule.recipients().next().is_none() {
            return Err(RewrapError::NoRecipients);
        }
        let mut metadata = self.metadata().clone();
        metadata.key_groups = match (&self.metadata().key_groups[..], rule.groups().groups()) {
            ([known], [wanted]) => vec![wrap(key, wanted, known)?],
            _ => rule.groups().wrap(key, &mut rand::rngs::OsRng)?,
        };
        metadata.shamir_threshold = rule.groups().threshold();
        Ok((self.with_metadata(metadata), difference))
    }
}

impl RecipientChange {
    /// The recipients that a file will have.
    fn apply(&self, metadata: &Metadata) -> Result<RecipientGroups, RewrapError> {
        let is_there = |id: &&String| metadata.keys().any(|key| key.id() == id.as_str());
        if let Some(recipient) = self.remove.iter().find(|id| !is_there(id)) {
            let recipient = recipient.clone();
            return Err(RewrapError::NotARecipient { recipient });
        }
        let mut groups = metadata
            .key_groups
            .iter()
            .map(|group| self.staying(group))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = groups.first_mut() {
            for recipient in &self.add {
                if !first.contains(recipient) {
                    first.push(recipient.clone());
                }
            }
        }
        if groups.iter().all(Vec::is_empty) {
            return Err(RewrapError::NoRecipients);
        }
        Ok(RecipientGroups::shared(groups, metadata.shamir_threshold)?)
    }

    /// The recipients of a group that are not removed.
    fn staying(&self, group: &KeyGroup) -> Result<Vec<Recipient>, RewrapError> {
        let stay = group.keys.iter().filter(|key| !self.removes(key.id()));
        let recipients = stay.map(|key| match key {
            MasterKey::Age { recipient, .. } => Ok(recipient.parse()?),
            MasterKey::Other { kind, .. } => Err(RewrapError::ForeignKey {
                kind: *kind,
                key: key.id().to_owned(),
            }),
        });
        recipients.collect()
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
    Ok(KeyGroup {
        keys,
        unknown: known.unknown.clone(),
    })
}
