//! `homelab secrets decrypt`.

use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab secrets decrypt`.
#[derive(Debug, clap::Args)]
pub struct DecryptArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: DecryptArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
