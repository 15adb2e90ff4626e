//! Certificates, keys and the Talos secrets bundle, as functions of their inputs.
//!
//! Everything here has exactly the kinds, PEM labels and lifetimes that Talos gives it, so a bundle
//! made here and one made by `talosctl gen secrets` are interchangeable. The clock and the random
//! bytes are arguments; nothing here reads or writes a file. Private keys live in
//! [`Secret`](crate::model::Secret) and leave it only as the text that goes into a configuration.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bundle;
mod certificate;
mod context_ends;
pub mod contexts;
mod entropy;
pub mod identity;
mod key;
mod pem;
mod ssh;
mod token;

pub use bundle::{BundleProblem, ParseBundleError, RecoverError, SecretsBundle};
pub use certificate::{
    Certificate, CertificateAuthority, CertificateError, Leaf, Purpose, Subject, Validity,
};
pub use context_ends::{ContextEnd, kube_ends, talos_ends};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use identity::{ClientIdentity, TalosRole, kubeconfig, talosconfig};
pub use key::{KeyAlgorithm, KeyError, KeyKind, PrivateKey};
pub use ssh::{DeployKey, DeployKeyError};
