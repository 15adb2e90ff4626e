//! What a run tells while it goes: the only way from the engine to a person.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::NodeName;
use crate::plan::{Diagnosis, Plan, StepId};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When, by the run's clock.
    pub at: Timestamp,
    /// The step that it belongs to; `None` while looking around.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum EventKind {
    /// The run looks around before it decides.
    Observing {
        /// What it looks at.
        what: String,
    },
    /// The plan is made.
    Planned {
        /// The plan.
        plan: Box<Plan>,
    },
    /// A step begins.
    Started {
        /// What it does.
        what: String,
    },
    /// A step got somewhere.
    Progress {
        /// Where.
        message: String,
    },
    /// A step waits.
    Waiting {
        /// What for.
        what: String,
        /// What is happening meanwhile.
        because: String,
        /// What was seen last.
        seen: String,
        /// Seconds since the wait began.
        elapsed: u64,
        /// Seconds that are normal.
        normal: u64,
    },
    /// A step is done.
    Done {
        /// Milliseconds that it took.
        took: u64,
    },
    /// A step was not needed.
    Skipped {
        /// Why.
        reason: String,
    },
    /// A step failed.
    Failed {
        /// What happened.
        message: String,
        /// The likely cause and what to try; a refusal has remedies instead.
        #[serde(skip_serializing_if = "Option::is_none")]
        diagnosis: Option<Diagnosis>,
    },
}

/// Takes events, in order.
pub trait Sink: Send + Sync {
    /// Takes one.
    fn event(&self, event: &Event);
}

/// Takes events and forgets them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Sink for Silent {
    fn event(&self, _event: &Event) {}
}
