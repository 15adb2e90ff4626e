//! Walks a plan: each step one small function, truth re-read before it, its end waited for.
//!
//! `homelab bootstrap` and a rehearsal run the same code and differ only in their
//! [`Inputs`]. The journal tells people what happened; it decides nothing.

mod act;
mod conduct;
mod event;
mod inputs;
mod journal;
mod lease;
mod look;
#[cfg(test)]
pub(crate) mod observer;
mod outcome;
mod run;
mod secrets;
mod state;
mod walk;

pub use crate::git::{Commit, Remote};
pub use conduct::{apply, bootstrap, plan, plan_change};
pub use event::{Event, EventKind, Silent, Sink};
pub use inputs::{Inputs, Operator, Secrets};
pub use outcome::{Outcome, RunError};
pub use secrets::{SecretsError, administrator};
pub use state::{MemoryState, State, StateDirectory};
