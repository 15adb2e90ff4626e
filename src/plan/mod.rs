//! What to do: from the cluster as it should be and what was found to a plan, as values.
//!
//! Nothing here asks anything or does anything. A plan holds every decision and no secret, so that
//! it can be printed, compared and executed. [`fence`] keeps etcd from being bootstrapped twice.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod apply;
mod bootstrap;
pub mod change;
mod consent;
mod discovered;
mod draft;
pub mod fence;
mod health;
mod milestone;
mod observed;
mod origins;
mod pending;
mod preflight;
mod refusal;
mod step;
mod symptom;
mod symptoms;
mod text;
mod wait;

pub use apply::apply;
pub use bootstrap::{KUBECONFIG, bootstrap};
pub use consent::{Consents, ParseWipeError, Wipe};
pub use discovered::{Answer, Discovered, Proposal, nodes_block, propose};
pub use health::{
    Expiry, Finding, GitOpsState, Health, Kubernetes, KubernetesNode, Renewal, Standing, VipHolder,
    Votes,
};
pub use milestone::Milestone;
pub use observed::{
    Address, Disk, EtcdSigns, Git, Hardware, LEARNER, Link, NodeState, Observed, Platform, Running,
    SecretsState, Tree, Unreadable, VipProbe, VipState,
};
pub use origins::Origins;
pub use pending::Pending;
pub use preflight::{GIT_CREDENTIALS, NO_BUNDLE_REMEDY};
pub use refusal::{Fence, Refusal, Severity};
pub use step::{Action, Condition, Effect, ObjectSet, Operation, Plan, Stage, Step, StepId};
pub use symptom::{Diagnosis, diagnose};
pub use wait::{Wait, wait_for};

#[cfg(test)]
mod tests;
