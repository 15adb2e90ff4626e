//! `homelab secrets init`.

use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab secrets init`.
#[derive(Debug, clap::Args)]
pub struct InitArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: InitArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
