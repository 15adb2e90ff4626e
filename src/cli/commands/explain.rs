//! `homelab explain`.

use super::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: ExplainArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
