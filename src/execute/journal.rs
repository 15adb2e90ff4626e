//! What happened, one line before and one after every step: for people, never for decisions.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::state::State;
use crate::connect::{Point, SharedProbe, Verdict};
use crate::model::Clock;
use crate::plan::StepId;

/// Writes the journal of one run.
pub(super) struct Journal {
    state: Arc<dyn State>,
    clock: Arc<dyn Clock>,
    probe: SharedProbe,
    operator: String,
}

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    operator: &'a str,
    step: &'a StepId,
    #[serde(flatten)]
    entry: Entry<'a>,
}

/// What a line says about its step.
#[derive(Clone, Copy, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(super) enum Entry<'a> {
    /// It is about to begin.
    Begin,
    /// It is over and its postcondition holds.
    Done,
    /// It was not needed.
    Skipped,
    /// It did not succeed.
    Failed { message: &'a str },
}

impl Journal {
    pub(super) fn new(
        state: Arc<dyn State>,
        clock: Arc<dyn Clock>,
        probe: SharedProbe,
        operator: String,
    ) -> Self {
        Self {
            state,
            clock,
            probe,
            operator,
        }
    }

    /// Writes a line; it is on disk when this returns.
    pub(super) async fn write(&self, step: &StepId, entry: Entry<'_>) -> std::io::Result<()> {
        let line = Line {
            at: self.clock.now(),
            operator: &self.operator,
            step,
            entry,
        };
        self.state.append(&serde_json::to_string(&line)?)?;
        if self.probe.reached(&Point::Journalled) == Verdict::Cut {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}
