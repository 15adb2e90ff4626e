//! Whom a file is for: one group of recipients, or several that share the data key out.

use rand::{CryptoRng, RngCore};

use crate::data_key::{DataKey, WrapError};
use crate::keys::Recipient;
use crate::metadata::{KeyGroup, MasterKey};
use crate::sharing::{self, Share};

/// The recipients of a file, in groups.
///
/// Any key of the only group opens the file. With several groups the data key is shared out among
/// them (Shamir): one key of each of `threshold` groups is needed.
///
/// ```
/// use sops_rs::{Identity, RecipientGroups};
///
/// let group = || Identity::generate().recipient().into_iter().collect::<Vec<_>>();
/// let two_of_three = RecipientGroups::shared([group(), group(), group()], Some(2))?;
/// assert_eq!(two_of_three.needed(), 2);
/// assert_eq!(two_of_three.iter().count(), 3);
/// # Ok::<(), sops_rs::RecipientGroupsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientGroups {
    groups: Vec<Vec<Recipient>>,
    threshold: Option<u32>,
}

/// Groups that no data key can be shared out among.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientGroupsError {
    /// A group has no recipient.
    #[error("key group {group} has no recipient")]
    Empty {
        /// The group, counted from 1.
        group: usize,
    },
    /// There are more than the field has points.
    #[error("there are {found} key groups; at most 255 can share a key")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// The threshold cannot be met, or makes every group able to open the file alone.
    #[error(
        "a threshold of {threshold} does not go with {groups} key groups; it must be 2 to {groups}"
    )]
    Threshold {
        /// The threshold.
        threshold: u32,
        /// How many groups there are.
        groups: usize,
    },
}

impl RecipientGroups {
    /// One group: each of the recipients can open the file alone.
    pub fn any_of(recipients: impl IntoIterator<Item = Recipient>) -> Self {
        Self {
            groups: vec![recipients.into_iter().collect()],
            threshold: None,
        }
    }

    /// Several groups, of which `threshold` are needed; all of them when it is `None`. A threshold
    /// for one group only is kept, and means nothing.
    pub fn shared(
        groups: impl IntoIterator<Item = Vec<Recipient>>,
        threshold: Option<u32>,
    ) -> Result<Self, RecipientGroupsError> {
        let groups: Vec<_> = groups.into_iter().collect();
        let found = groups.len();
        if let Some(empty) = groups.iter().position(Vec::is_empty) {
            return Err(RecipientGroupsError::Empty { group: empty + 1 });
        }
        if found > usize::from(u8::MAX) {
            return Err(RecipientGroupsError::TooMany { found });
        }
        match threshold {
            Some(threshold) if found > 1 && !(2..=found).contains(&(threshold as usize)) => {
                Err(RecipientGroupsError::Threshold {
                    threshold,
                    groups: found,
                })
            }
            _ => Ok(Self { groups, threshold }),
        }
    }

    /// Returns the groups.
    pub fn groups(&self) -> &[Vec<Recipient>] {
        &self.groups
    }

    /// Returns the recipients of all groups.
    pub fn iter(&self) -> impl Iterator<Item = &Recipient> {
        self.groups.iter().flatten()
    }

    /// Returns how many groups are needed.
    pub fn needed(&self) -> usize {
        match (self.groups.len(), self.threshold) {
            (0 | 1, _) => 1,
            (_, Some(threshold)) => threshold as usize,
            (groups, None) => groups,
        }
    }

    /// Returns the threshold that a file states: always one where there are several groups.
    pub fn threshold(&self) -> Option<u32> {
        let all = u32::try_from(self.groups.len())
            .ok()
            .filter(|groups| *groups > 1);
        self.threshold.or(all)
    }

    /// Wraps a data key for every recipient, shared out where there are several groups. What age
    /// adds is random all the same.
    pub fn wrap(
        &self,
        key: &DataKey,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<KeyGroup>, WrapError> {
        let shares = match &self.groups[..] {
            [_] => vec![Share::new(key.bytes().to_vec())],
            groups => {
                let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
                sharing::split(key.bytes(), count(groups.len()), count(self.needed()), rng)
            }
        };
        let groups = self.groups.iter().zip(shares);
        groups.map(|(group, share)| wrap(group, &share)).collect()
    }
}

fn wrap(recipients: &[Recipient], share: &Share) -> Result<KeyGroup, WrapError> {
    let keys = recipients.iter().map(|recipient| {
        Ok(MasterKey::Age {
            recipient: recipient.as_str().to_owned(),
            enc: crate::data_key::wrap(share, recipient)?,
        })
    });
    Ok(KeyGroup {
        keys: keys.collect::<Result<_, WrapError>>()?,
        ..KeyGroup::default()
    })
}
