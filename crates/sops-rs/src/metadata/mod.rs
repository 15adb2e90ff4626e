//! The `sops` entry of an encrypted file.
//!
//! Every layout since 3.9 is read; 3.13's is written: alphabetical, empty fields left out. Keys
//! that this crate cannot use and fields that it does not know are kept as they are, for whoever
//! can.

mod fields;
mod flatten;
mod place;
mod read;
mod write;

pub(crate) use place::{DOTENV_PREFIX, SOPS};

use crate::scalar::Time;
use crate::selection::{Selection, SelectionError};
use crate::tree::Mapping;

/// The version of `sops` whose format is written.
pub const WRITTEN_VERSION: &str = "3.13.3";

/// What an encrypted file says about itself.
#[derive(Clone)]
pub struct Metadata {
    /// The groups of keys; more than one means that the data key is shared out among them.
    pub key_groups: Vec<KeyGroup>,
    /// How many groups are needed, where the file says so.
    pub shamir_threshold: Option<u32>,
    /// Which values are encrypted.
    pub selection: Selection,
    /// Whether the MAC covers only these.
    pub mac_only_encrypted: bool,
    /// When the file was written; the MAC is bound to it.
    pub last_modified: Time,
    /// The encrypted MAC; empty in a file without.
    pub mac: String,
    /// The version of the program that wrote it.
    pub version: String,
    /// Fields that SOPS does not know.
    pub unknown: Mapping,
}

/// Keys of which each alone opens the group's part of the data key.
#[derive(Clone, Default)]
pub struct KeyGroup {
    /// The keys.
    pub keys: Vec<MasterKey>,
    /// Fields of one among several groups that SOPS does not know.
    pub unknown: Mapping,
}

/// One key that a data key is wrapped for.
#[derive(Clone)]
#[non_exhaustive]
pub enum MasterKey {
    /// An age recipient.
    Age {
        /// The recipient, as the file spells it.
        recipient: String,
        /// The data key for it: an armored age file.
        enc: String,
    },
    /// A key of another kind, kept as it is.
    Other {
        /// Its kind.
        kind: KeyKind,
        /// What the file says about it.
        fields: Mapping,
    },
}

/// The kinds of keys that SOPS knows besides age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyKind {
    /// Azure Key Vault.
    AzureKeyVault,
    /// Google Cloud KMS.
    GcpKms,
    /// HashiCorp Vault's transit engine.
    Vault,
    /// Huawei Cloud KMS.
    HuaweiKms,
    /// AWS KMS.
    AwsKms,
    /// OpenPGP.
    Pgp,
}

/// Metadata that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// There is none.
    #[error("the file is not encrypted: it has no `sops` entry")]
    NotEncrypted,
    /// It stands in another document than the first, where `sops` does not look for it.
    #[error("document {document} has a `sops` entry, the first document has none")]
    NotInFirst {
        /// The document, counted from 1.
        document: usize,
    },
    /// A document after the first lacks it: the document was added after encryption, or its
    /// metadata was removed.
    #[error(
        "document {document} has no `sops` entry: it was added after encryption, or is not encrypted"
    )]
    NotInAll {
        /// The document, counted from 1.
        document: usize,
    },
    /// Its lines end as on Windows, which changes every value of a dotenv file.
    #[error(
        "the lines end with CR and LF, and in dotenv the CR is part of every value: convert them to LF alone"
    )]
    CarriageReturns,
    /// It is there twice.
    #[error("a document has two `sops` entries")]
    Duplicate,
    /// No key is named, so nobody can open the file.
    #[error("the `sops` entry names no key")]
    NoKeys,
    /// The flat fields of dotenv and INI do not add up to lists and mappings.
    #[error("`{field}` does not fit the other fields of the `sops` entry: {problem}")]
    Flat {
        /// The field.
        field: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A field is missing.
    #[error("the `sops` entry has no `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is not what it should be.
    #[error("`sops.{field}` must be {expected}")]
    Field {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The selection of values is contradictory or invalid.
    #[error("the `sops` entry does not say clearly what is encrypted")]
    Selection(#[from] SelectionError),
}

impl KeyKind {
    const ALL: [Self; 6] = [
        Self::AzureKeyVault,
        Self::GcpKms,
        Self::Vault,
        Self::HuaweiKms,
        Self::AwsKms,
        Self::Pgp,
    ];

    /// Returns the name of its list in the file.
    pub fn field(self) -> &'static str {
        match self {
            Self::AzureKeyVault => "azure_kv",
            Self::GcpKms => "gcp_kms",
            Self::Vault => "hc_vault",
            Self::HuaweiKms => "hckms",
            Self::AwsKms => "kms",
            Self::Pgp => "pgp",
        }
    }
}

impl Metadata {
    /// Returns the age recipients of all groups.
    pub fn age_recipients(&self) -> impl Iterator<Item = &str> {
        self.keys().filter_map(|key| match key {
            MasterKey::Age { recipient, .. } => Some(recipient.as_str()),
            MasterKey::Other { .. } => None,
        })
    }

    /// Returns the keys of all groups.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.key_groups.iter().flat_map(|group| &group.keys)
    }
}
