//! The SOPS encrypted file format with age keys.
//!
//! A SOPS file is an ordinary document whose values are encrypted one by one, so that its keys,
//! order and comments stay readable and reviewable. This crate reads what `sops` wrote and writes
//! what `sops` reads. It reaches no network, and starts programs only where its keys say so: age plugins,
//! and the commands of `SOPS_AGE_KEY_CMD` and `SOPS_AGE_SSH_PRIVATE_KEY_CMD`.
//!
//! ```
//! use sops_rs::{Document, EncryptionRule, Format, Identities, Identity};
//!
//! let identity = Identity::generate();
//! let rule = EncryptionRule::for_recipients(identity.recipient());
//! let document = Document::parse(Format::Yaml, "user: ada\nlimit: 3\n")?;
//!
//! let encrypted = document.encrypt(&rule)?.to_text();
//! assert!(encrypted.starts_with("user: ENC[AES256_GCM,data:"));
//!
//! let file = sops_rs::EncryptedFile::parse(Format::Yaml, &encrypted)?;
//! let opened = file.decrypt(&Identities::from(identity))?;
//! assert_eq!(opened.document.to_bytes().as_slice(), b"user: ada\nlimit: 3\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts, from the outside in:
//!
//! - [`Document`] (plain) and [`EncryptedFile`] are a [`Tree`] of a [`Format`];
//! - [`EncryptionRule`] says for whom and which values ([`Selection`]); [`Config`] reads it from a
//!   `.sops.yaml`;
//! - [`Identities`] are the keys at hand, found in an [`Environment`] that the caller spells out:
//!   nothing here reads the process environment unasked;
//! - [`Metadata`] is the `sops` entry of an encrypted file, with its [`KeyGroup`]s.
#![forbid(unsafe_code)]

mod alignment;
mod binary;
mod cipher;
mod codec;
mod config;
mod data_key;
mod decryption;
mod document;
mod dotenv;
mod encrypted_file;
mod foreign_key;
mod format;
mod go_regex;
mod ini;
mod json;
mod keys;
mod layout;
mod lost_comments;
mod mac_cause;
mod metadata;
mod operations;
mod parse_error;
mod path;
mod reading;
mod recipient_groups;
mod rewrite;
mod rule;
mod scalar;
mod selection;
mod shape;
mod sharing;
mod survey;
mod tree;
mod unlock;
mod walk;
mod yaml;

pub use cipher::CipherError;
pub use config::{Config, ConfigError, CreationRule, RuleSearch, UnknownField};
pub use data_key::{DataKey, WrapError};
pub use document::{Document, EncryptError};
pub use encrypted_file::{DecryptError, Decrypted, EncryptedFile, MacCheck, Warning};
pub use foreign_key::ForeignKey;
pub use format::Format;
pub use go_regex::{Pattern, PatternError, PatternProblem};
pub use jiff::Timestamp;
pub use keys::{
    Environment, Identities, Identity, IdentityError, IdentityFailure, IdentityKind,
    IdentityOrigin, IdentityProblem, LoadedIdentity, NoPrompt, Prompt, Recipient, RecipientError,
    RecipientKind,
};
pub use layout::{Indent, Layout};
pub use mac_cause::MacCause;
pub use metadata::{KeyGroup, KeyKind, MasterKey, Metadata, MetadataError, WRITTEN_VERSION};
pub use operations::{
    BareNumbers, ChangeKind, Edit, FileMerge, KeyDifference, LookupError, Merge, RecipientChange,
    RewrapError, Salvage, SaveError, Side, ValueChange, ValueError,
};
pub use parse_error::ParseError;
pub use path::{PathError, Step, ValuePath};
pub use rand::{CryptoRng, RngCore};
pub use recipient_groups::{RecipientGroups, RecipientGroupsError};
pub use rule::EncryptionRule;
pub use scalar::{Scalar, ScalarError, ScalarType, Time};
pub use selection::{Selection, SelectionError};
pub use shape::ShapeError;
pub use sharing::ShareError;
pub use survey::{Survey, SurveyedValue};
pub use tree::{Comment, Element, Entry, Item, MAX_DEPTH, Mapping, Tree, Value};
pub use unlock::{MissingGroup, OpenedGroup, UnlockError, Unlocked, UnusedIdentity};
