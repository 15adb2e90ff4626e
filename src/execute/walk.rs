//! One step from its beginning to its postcondition.

use std::time::Duration;

use tokio::time::Instant;

use super::act::ActError;
use super::event::EventKind;
use super::journal::Entry;
use super::look::{Acted, Look};
use super::outcome::RunError;
use super::run::Run;
use crate::plan::{Action, Condition, Diagnosis, Refusal, Step, diagnose, wait_for};

/// A wait that shows nothing new is reported this often.
const REMIND_EVERY: Duration = Duration::from_secs(30);

/// How a step ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    Skipped,
    /// A machine appeared that the plan knows nothing of: a new plan is needed.
    Overtaken,
}

/// How one round of a step ended.
enum Round {
    /// The postcondition holds.
    Over,
    /// Not yet; what was seen.
    Again(String),
    /// It was tried, and failed for now.
    Tried(String),
    /// It failed for good.
    Broken(String),
    /// A fence refused.
    Refused(Box<Refusal>),
    /// The plan is out of date.
    Overtaken,
}

impl Run {
    /// Walks one step: skips it when its postcondition holds, else acts and waits for it.
    pub(super) async fn walk(&self, step: &Step) -> Result<Ended, RunError> {
        let began = Instant::now();
        self.tell(
            step,
            EventKind::Started {
                what: step.action_text(),
            },
        );
        if self.look(&step.postcondition, Acted::No).await == Look::Holds {
            self.journal.write(&step.id, Entry::Skipped).await?;
            let reason = format!("{} already", step.postcondition);
            self.tell(step, EventKind::Skipped { reason });
            return Ok(Ended::Skipped);
        }
        self.journal.write(&step.id, Entry::Begin).await?;
        match self.until_done(step, began).await {
            Ok(Ended::Skipped) => {
                let reason = "it fell silent before it was configured; it is looked at again later";
                self.leave(step, reason).await?;
                Ok(Ended::Skipped)
            }
            Ok(Ended::Overtaken) => {
                if let Some(node) = step.node() {
                    self.note_appeared(node);
                }
                let reason = "it waits for its configuration only now; planning again";
                self.leave(step, reason).await?;
                Ok(Ended::Overtaken)
            }
            Ok(Ended::Done) => {
                self.journal.write(&step.id, Entry::Done).await?;
                let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.tell(step, EventKind::Done { took });
                Ok(Ended::Done)
            }
            Err(error) => {
                let message = error.to_string();
                let entry = Entry::Failed { message: &message };
                self.journal.write(&step.id, entry).await?;
                let diagnosis = match &error {
                    RunError::Step { diagnosis, .. } => Some(diagnosis.clone()),
                    _ => None,
                };
                self.tell(step, EventKind::Failed { message, diagnosis });
                Err(error)
            }
        }
    }

    /// Ends a step that was begun and is not needed.
    async fn leave(&self, step: &Step, reason: &str) -> Result<(), RunError> {
        self.journal.write(&step.id, Entry::Skipped).await?;
        let reason = reason.to_owned();
        self.tell(step, EventKind::Skipped { reason });
        Ok(())
    }

    async fn until_done(&self, step: &Step, began: Instant) -> Result<Ended, RunError> {
        let mut acted = match step.action {
            Action::Await => Acted::Yes,
            _ => Acted::No,
        };
        let guard = wait_for(&step.precondition);
        let wait = wait_for(&step.postcondition);
        let deadline = match acted {
            Acted::Yes => wait.deadline,
            _ => wait.deadline + guard.deadline,
        };
        let mut reported: Option<(String, Instant)> = None;
        loop {
            let (seen, is_tried) = match self.round(step, &mut acted).await {
                Round::Over => return Ok(Ended::Done),
                Round::Overtaken => return Ok(Ended::Overtaken),
                Round::Again(seen) => (seen, acted == Acted::Yes),
                Round::Tried(seen) => (seen, true),
                Round::Broken(message) => return Err(self.broken(step, message).await),
                Round::Refused(refusal) => return Err(refused(vec![*refusal])),
            };
            // A machine that somebody else configures meanwhile is silent for minutes.
            let is_installation = matches!(step.action, Action::InstallNode { .. });
            if is_installation && acted == Acted::No && began.elapsed() >= guard.deadline {
                return Ok(Ended::Skipped);
            }
            let missing = if is_tried {
                &step.postcondition
            } else {
                &step.precondition
            };
            if began.elapsed() >= deadline {
                return Err(self.timed_out(step, missing, &seen).await);
            }
            let is_due = reported
                .as_ref()
                .is_none_or(|(said, at)| *said != seen || at.elapsed() >= REMIND_EVERY);
            if is_due {
                let told = self.with_cause(step, seen.clone()).await;
                self.report_wait(step, missing, &told, began);
                reported = Some((seen, Instant::now()));
            }
            tokio::time::sleep(wait.pause(began.elapsed())).await;
        }
    }

    /// Looks, acts when it is time to, and looks again.
    async fn round(&self, step: &Step, acted: &mut Acted) -> Round {
        if *acted != Acted::No {
            match self.look(&step.postcondition, *acted).await {
                Look::Not(seen) if *acted == Acted::Yes => return Round::Again(seen),
                Look::Not(_) => {}
                other => return settled(other),
            }
        }
        match self.look(&step.precondition, *acted).await {
            Look::Holds => {}
            Look::Overtaken(seen) => {
                *acted = Acted::Yes;
                self.tell(
                    step,
                    EventKind::Progress {
                        message: seen.clone(),
                    },
                );
                return Round::Again(seen);
            }
            other => return settled(other),
        }
        match self.act(&step.action).await {
            Ok(()) => {
                *acted = Acted::Yes;
                settled(self.look(&step.postcondition, *acted).await)
            }
            Err(ActError::Passing(seen)) => Round::Tried(seen),
            Err(ActError::Perhaps(seen)) => {
                *acted = Acted::Perhaps;
                Round::Again(seen)
            }
            Err(ActError::Overtaken(seen)) => {
                *acted = Acted::Yes;
                Round::Again(seen)
            }
            Err(ActError::Fatal(message)) => Round::Broken(message),
            Err(ActError::Refused(refusal)) => Round::Refused(refusal),
        }
    }

    async fn timed_out(&self, step: &Step, missing: &Condition, seen: &str) -> RunError {
        if let (Condition::NoEtcd { nodes }, Action::BootstrapEtcd { .. }) = (missing, &step.action)
        {
            let silent = self.silent_among(nodes).await;
            if !silent.is_empty() {
                return refused(silent);
            }
        }
        let seen = self.with_cause(step, seen.to_owned()).await;
        let message = format!("gave up waiting until {missing}; last seen: {seen}");
        let message = self.in_full(missing, message).await;
        failed(step, message, diagnose(missing, &seen))
    }

    /// Adds what is behind it to what was seen, where that can be told.
    async fn with_cause(&self, step: &Step, seen: String) -> String {
        match self.missing_image(&step.postcondition).await {
            Some(cause) => format!("{seen}; {cause}"),
            None => seen,
        }
    }

    /// What fails for good is told with its likely cause, like what never comes.
    async fn broken(&self, step: &Step, message: String) -> RunError {
        let condition = &step.postcondition;
        let diagnosis = diagnose(condition, &message);
        failed(step, self.in_full(condition, message).await, diagnosis)
    }

    /// Adds everything that is not ready where that is more than one look tells.
    async fn in_full(&self, condition: &Condition, mut message: String) -> String {
        if matches!(condition, Condition::Reconciled { .. }) {
            for line in self.not_ready().await {
                message.push_str("\n  ");
                message.push_str(&line);
            }
        }
        message
    }

    fn report_wait(&self, step: &Step, condition: &Condition, seen: &str, began: Instant) {
        let wait = wait_for(condition);
        self.tell(
            step,
            EventKind::Waiting {
                what: condition.to_string(),
                because: wait.because.to_owned(),
                seen: seen.to_owned(),
                elapsed: began.elapsed().as_secs(),
                normal: wait.normal.as_secs(),
            },
        );
    }

    fn tell(&self, step: &Step, kind: EventKind) {
        self.emit(Some((&step.id, step.node())), kind);
    }
}

fn settled(look: Look) -> Round {
    match look {
        Look::Holds => Round::Over,
        Look::Not(seen) | Look::Overtaken(seen) => Round::Again(seen),
        Look::Broken(message) => Round::Broken(message),
        Look::Refused(refusal) => Round::Refused(refusal),
        Look::Appeared => Round::Overtaken,
    }
}

fn failed(step: &Step, message: String, diagnosis: Diagnosis) -> RunError {
    RunError::Step {
        step: step.id.clone(),
        message,
        diagnosis,
    }
}

fn refused(refusals: Vec<Refusal>) -> RunError {
    RunError::Refused {
        refusals,
        plan: None,
    }
}
