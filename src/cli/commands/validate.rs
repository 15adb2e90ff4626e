//! `homelab validate`.

use super::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab validate`.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: ValidateArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
