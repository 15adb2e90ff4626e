//! `homelab bootstrap`.

use super::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab bootstrap`.
#[derive(Debug, clap::Args)]
pub struct BootstrapArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: BootstrapArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
