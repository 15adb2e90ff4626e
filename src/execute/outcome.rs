//! How a run ends.

use serde::Serialize;

use crate::plan::{Diagnosis, Milestone, Plan, Refusal, Severity, StepId};

/// A run that did all it had to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Steps that changed something or waited.
    pub done: Vec<StepId>,
    /// Steps that were not needed.
    pub skipped: Vec<StepId>,
    /// Where the run stopped because it was told to; `None` when it did everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Milestone>,
    /// The commit that the GitOps engine has applied.
    pub revision: Option<String>,
    /// Where the Kubernetes API is reached.
    pub endpoint: String,
}

/// A run that did not.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another run on this computer holds the lock.
    #[error("another `homelab` is at work in this directory")]
    Locked,
    /// Fences refused before or during the run.
    #[error("{}", messages(.refusals))]
    Refused {
        /// All reasons.
        refusals: Vec<Refusal>,
        /// The plan, as far as there is one.
        plan: Option<Box<Plan>>,
    },
    /// A step did not succeed.
    #[error("`{step}`: {message}")]
    Step {
        /// The step.
        step: StepId,
        /// What happened.
        message: String,
        /// The likely cause and what to try.
        diagnosis: Diagnosis,
    },
    /// The journal, the lock or the kubeconfig cannot be kept.
    #[error("cannot keep the state of the run")]
    State(#[from] std::io::Error),
}

fn messages(refusals: &[Refusal]) -> String {
    let messages: Vec<_> = refusals.iter().map(|r| r.message.as_str()).collect();
    messages.join("; ")
}

impl RunError {
    /// Returns how the process ends because of fences; `None` for any other failure.
    pub fn severity(&self) -> Option<Severity> {
        match self {
            Self::Locked => Some(Severity::Refused),
            Self::Refused { refusals, .. } => Severity::of(refusals),
            Self::Step { .. } | Self::State(_) => None,
        }
    }
}
