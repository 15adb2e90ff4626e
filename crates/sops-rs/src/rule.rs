//! For whom and what: everything encryption needs to be told.

use crate::keys::Recipient;
use crate::recipient_groups::RecipientGroups;
use crate::selection::Selection;

/// For whom a document is encrypted, and which of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionRule {
    groups: RecipientGroups,
    selection: Selection,
    mac_only_encrypted: bool,
}

impl EncryptionRule {
    /// Encrypts every value for these recipients, each of whom can open the file.
    pub fn for_recipients(recipients: impl IntoIterator<Item = Recipient>) -> Self {
        Self::for_groups(RecipientGroups::any_of(recipients))
    }

    /// Encrypts every value for groups of recipients.
    pub fn for_groups(groups: RecipientGroups) -> Self {
        Self {
            groups,
            selection: Selection::default(),
            mac_only_encrypted: false,
        }
    }

    /// Encrypts only what is selected.
    #[must_use]
    pub fn with_selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Lets the MAC cover only what is encrypted, so that the rest may change.
    #[must_use]
    pub fn with_mac_only_encrypted(mut self, only: bool) -> Self {
        self.mac_only_encrypted = only;
        self
    }

    /// Returns the recipients of all groups.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.groups.iter()
    }

    /// Returns the groups of recipients.
    pub fn groups(&self) -> &RecipientGroups {
        &self.groups
    }

    /// Returns what is selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Tells whether the MAC covers only what is encrypted.
    pub fn mac_only_encrypted(&self) -> bool {
        self.mac_only_encrypted
    }
}
