//! Encrypted files of a repository: opened into memory, made once, checked, never written in the clear.
//!
//! This knows where such files lie and how their absence or a missing key is told; the format is
//! `sops-rs`' business. A file that exists is never replaced here, and nothing that was decrypted
//! reaches a disk.

mod age_key;
mod bundle;
pub mod check;
mod expected;
mod git_access;
mod keyring;
mod known_cluster;
mod open;
mod patch_secrets;
mod read_by_flux;
mod removed;
mod rulebook;
mod rules;
mod seal;
mod setup;
mod sources;

pub use age_key::{AGE_KEY_FILE, AgeKeyError, OwnKey, own_key};
pub use bundle::{BundleFinding, OpenBundle};
pub use expected::{Ask, Question};
pub use git_access::{GitReport, HostKeys, Pages, git_questions};
pub use keyring::Keyring;
pub use known_cluster::KnownCluster;
pub use open::{OpenError, Opener};
pub use patch_secrets::check_patch_secrets;
pub use read_by_flux::{manifests, read_by_flux, unreadable};
pub use removed::{RemovedFiles, refuse_removed};
pub use rulebook::{Rulebook, Rules, RulesError, selection_text};
pub use rules::{RULES_FILE, creation_rules};
pub use seal::SealError;
pub use setup::{Made, Report, SecretReport, Setup, SetupError, State};
pub use sources::Sources;

#[cfg(test)]
mod tests;
