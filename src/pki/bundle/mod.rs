//! The Talos secrets bundle: everything secret that makes a cluster this cluster.
//!
//! One bundle belongs to one cluster for ever; every machine configuration and every client
//! certificate follows from it. Its YAML has the shape of `talosctl gen secrets`, and values that
//! were read are written back unchanged.

mod check;
mod generate;
mod model;
mod problem;
mod recover;
mod text;
mod throwaway;

pub use check::{AUTHORITY_NOTICE, missing, problems};
pub use model::{
    Certificates, ClusterIdentity, EncodedPair, JoinSecrets, PartError, SecretsBundle,
};
pub use problem::BundleProblem;
pub use recover::RecoverError;
pub use text::ParseBundleError;

#[cfg(test)]
mod tests;
