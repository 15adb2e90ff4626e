//! What is applied before Git takes over.
//!
//! A fresh cluster has no pod network, so the GitOps engine cannot run yet. One Job on the host
//! network installs the charts that come first; later Flux finds the very same releases.

mod files;
mod manifests;
mod runner;
mod script;

pub use files::files;
pub use manifests::{
    BootstrapManifests, GIT_CREDENTIALS, GIT_CREDENTIALS_SECRET, GITOPS_NAMESPACE, SOPS_AGE_SECRET,
    manifests,
};
pub use runner::ChartRun;

#[cfg(test)]
mod tests;
