//! What to do: from the cluster as it should be and what was found to a plan, as values.
//!
//! Nothing here asks anything or does anything. A plan holds every decision and no secret, so that
//! it can be printed, compared and executed. [`fence`] keeps etcd from being bootstrapped twice.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bootstrap;
pub mod change;
mod consent;
pub mod fence;
mod observed;
mod preflight;
mod refusal;
mod step;
mod symptom;
mod text;
mod wait;

pub use bootstrap::{KUBECONFIG, bootstrap};
pub use consent::{Consents, ParseWipeError, Wipe};
pub use observed::{
    Disk, EtcdSigns, Git, Hardware, Link, NodeState, Observed, Platform, Running, SecretsState,
    Tree, VipProbe, VipState,
};
pub use preflight::GIT_CREDENTIALS;
pub use refusal::{Fence, Refusal, Severity};
pub use step::{Action, Condition, Effect, ObjectSet, Plan, Stage, Step, StepId};
pub use symptom::{Diagnosis, diagnose};
pub use wait::{Wait, wait_for};

#[cfg(test)]
mod tests;
