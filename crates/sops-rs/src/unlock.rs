//! Opening the data key of a file: which keys of which groups, with which identities.
//!
//! Identities that need nobody are tried on all groups first; only then is somebody asked for a
//! passphrase, and only while groups are missing.

use std::fmt;

use crate::data_key::{self, DataKey, WrapError};
use crate::foreign_key::ForeignKey;
use crate::keys::{Identities, IdentityFailure, IdentityOrigin, LoadedIdentity};
use crate::metadata::{KeyGroup, MasterKey, Metadata};
use crate::sharing::{self, Share, ShareError};

/// A data key, and how it was opened.
#[derive(Clone)]
pub struct Unlocked {
    /// The data key.
    pub key: DataKey,
    /// The groups that were opened, one or as many as were needed.
    pub opened: Vec<OpenedGroup>,
}

/// A group that one key opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedGroup {
    /// Its position in the file, counted from 0.
    pub group: usize,
    /// The recipient whose entry was opened, as the file spells it.
    pub recipient: String,
    /// Where the identity comes from that opened it.
    pub origin: IdentityOrigin,
}

/// An identity that might have opened the file and could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedIdentity {
    /// What may be shown of it.
    pub public_part: String,
    /// Where it comes from.
    pub origin: IdentityOrigin,
    /// Why.
    pub failure: IdentityFailure,
}

/// What a group that did not open would have needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGroup {
    /// Its position in the file, counted from 0.
    pub group: usize,
    /// Its age recipients.
    pub recipients: Vec<String>,
    /// Its keys of other kinds.
    pub foreign: Vec<ForeignKey>,
}

/// A data key that no identity at hand opens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// None of the file's keys is an age key.
    #[error("the file is not encrypted for an age key, but for {}", list(keys))]
    NoAgeKey {
        /// Its keys.
        keys: Vec<ForeignKey>,
    },
    /// No identity opens it.
    #[error("{}", no_match(*identities))]
    NoMatchingIdentity {
        /// How many were tried.
        identities: usize,
        /// Those that could not be used.
        unused: Vec<UnusedIdentity>,
    },
    /// Too few of its groups open.
    #[error("{}", too_few(opened, *needed, missing))]
    TooFewGroups {
        /// How many are needed.
        needed: usize,
        /// Those that open.
        opened: Vec<OpenedGroup>,
        /// Those that do not.
        missing: Vec<MissingGroup>,
        /// Identities that could not be used.
        unused: Vec<UnusedIdentity>,
    },
    /// An entry is damaged.
    #[error("the data key for `{recipient}` cannot be unwrapped")]
    Damaged {
        /// The recipient.
        recipient: String,
        /// Why.
        #[source]
        source: WrapError,
    },
    /// The shares of the groups do not make up a key.
    #[error("the shares of the key groups do not make up a data key")]
    Shares(#[source] ShareError),
    /// The threshold and the groups contradict each other.
    #[error("`sops.shamir_threshold` is {threshold}, which does not go with {groups} key groups")]
    Threshold {
        /// The threshold.
        threshold: u32,
        /// How many groups there are.
        groups: usize,
    },
}

impl UnlockError {
    /// Tells whether nothing but a key is missing here: the file itself may be whole.
    pub fn is_missing_key(&self) -> bool {
        matches!(
            self,
            Self::NoAgeKey { .. } | Self::NoMatchingIdentity { .. } | Self::TooFewGroups { .. }
        )
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "nobody".to_owned();
    }
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

fn no_match(identities: usize) -> String {
    match identities {
        0 => "there is no identity at hand to open the file".to_owned(),
        1 => "the identity at hand does not open the file".to_owned(),
        several => format!("none of the {several} identities at hand opens the file"),
    }
}

fn too_few(opened: &[OpenedGroup], needed: usize, missing: &[MissingGroup]) -> String {
    let open = match opened {
        [] => "none opens".to_owned(),
        [group] => format!("only group {} opens", group.group + 1),
        groups => {
            let numbers: Vec<_> = groups.iter().map(|group| group.group + 1).collect();
            format!("only groups {} open", list(&numbers))
        }
    };
    let total = opened.len() + missing.len();
    format!("keys of {needed} of the file's {total} key groups are needed, and {open}")
}

impl Metadata {
    /// Opens the data key with whichever identities fit, and tells which did.
    pub fn unlock(&self, identities: &Identities) -> Result<Unlocked, UnlockError> {
        let needed = self.needed_groups()?;
        if self.age_recipients().next().is_none() {
            let keys = self.keys().filter_map(ForeignKey::of).collect();
            return Err(UnlockError::NoAgeKey { keys });
        }
        let mut attempt = Attempt::new(&self.key_groups, needed);
        let (interactive, quiet): (Vec<_>, Vec<_>) = identities
            .iter()
            .partition(|loaded| loaded.identity.is_interactive());
        attempt.try_with(&quiet);
        attempt.try_with(&interactive);
        attempt.finish(identities.len())
    }

    /// How many groups are needed.
    fn needed_groups(&self) -> Result<usize, UnlockError> {
        let groups = self.key_groups.len();
        match self.shamir_threshold {
            _ if groups < 2 => Ok(1),
            None => Ok(groups),
            Some(threshold) => match usize::try_from(threshold) {
                Ok(needed) if (2..=groups).contains(&needed) => Ok(needed),
                _ => Err(UnlockError::Threshold { threshold, groups }),
            },
        }
    }
}

/// How far opening the groups has come.
struct Attempt<'a> {
    groups: &'a [KeyGroup],
    needed: usize,
    opened: Vec<(OpenedGroup, Share)>,
    unused: Vec<UnusedIdentity>,
    damaged: Option<UnlockError>,
}

impl<'a> Attempt<'a> {
    fn new(groups: &'a [KeyGroup], needed: usize) -> Self {
        Self {
            groups,
            needed,
            opened: Vec::new(),
            unused: Vec::new(),
            damaged: None,
        }
    }

    fn is_open(&self, group: usize) -> bool {
        self.opened.iter().any(|(opened, _)| opened.group == group)
    }

    /// Tries identities on the groups that are still closed.
    fn try_with(&mut self, identities: &[&LoadedIdentity]) {
        for (position, group) in self.groups.iter().enumerate() {
            if self.opened.len() == self.needed || identities.is_empty() {
                return;
            }
            if !self.is_open(position) {
                self.try_group(position, group, identities);
            }
        }
    }

    fn try_group(&mut self, position: usize, group: &KeyGroup, identities: &[&LoadedIdentity]) {
        for key in &group.keys {
            let MasterKey::Age { recipient, enc } = key else {
                continue;
            };
            match data_key::unwrap(enc, identities) {
                Err(source) => {
                    self.damaged.get_or_insert(UnlockError::Damaged {
                        recipient: recipient.clone(),
                        source,
                    });
                }
                Ok(unwrapping) => {
                    self.note(&unwrapping.failures);
                    if let Some((share, loaded)) = unwrapping.opened {
                        let opened = OpenedGroup {
                            group: position,
                            recipient: recipient.clone(),
                            origin: loaded.origin.clone(),
                        };
                        return self.opened.push((opened, share));
                    }
                }
            }
        }
    }

    fn note(&mut self, failures: &[(&LoadedIdentity, IdentityFailure)]) {
        for (loaded, failure) in failures {
            let unused = UnusedIdentity {
                public_part: loaded.identity.public_part(),
                origin: loaded.origin.clone(),
                failure: failure.clone(),
            };
            if !self.unused.contains(&unused) {
                self.unused.push(unused);
            }
        }
    }

    fn finish(self, identities: usize) -> Result<Unlocked, UnlockError> {
        if self.opened.len() < self.needed {
            return Err(self.failure(identities));
        }
        let (opened, shares): (Vec<_>, Vec<_>) = self.opened.into_iter().unzip();
        let bytes = match &shares[..] {
            [key] if self.groups.len() == 1 => key.clone(),
            shares => sharing::combine(shares).map_err(UnlockError::Shares)?,
        };
        let recipient = || opened.iter().map(|group| group.recipient.as_str());
        let key = DataKey::from_bytes(&bytes).map_err(|source| UnlockError::Damaged {
            recipient: recipient().collect::<Vec<_>>().join(", "),
            source,
        })?;
        Ok(Unlocked { key, opened })
    }

    fn failure(self, identities: usize) -> UnlockError {
        if let Some(damaged) = self.damaged {
            return damaged;
        }
        if self.groups.len() < 2 {
            return UnlockError::NoMatchingIdentity {
                identities,
                unused: self.unused,
            };
        }
        let closed = self.groups.iter().enumerate();
        let missing = closed.filter(|(position, _)| !self.is_open(*position));
        UnlockError::TooFewGroups {
            needed: self.needed,
            missing: missing
                .map(|(position, group)| MissingGroup::of(position, group))
                .collect(),
            opened: self.opened.into_iter().map(|(opened, _)| opened).collect(),
            unused: self.unused,
        }
    }
}

impl MissingGroup {
    fn of(group: usize, keys: &KeyGroup) -> Self {
        let recipients = keys.keys.iter().filter_map(|key| match key {
            MasterKey::Age { recipient, .. } => Some(recipient.clone()),
            MasterKey::Other { .. } => None,
        });
        Self {
            group,
            recipients: recipients.collect(),
            foreign: keys.keys.iter().filter_map(ForeignKey::of).collect(),
        }
    }
}
