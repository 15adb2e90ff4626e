//! `homelab rehearse`.

use super::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab rehearse`.
#[derive(Debug, clap::Args)]
pub struct RehearseArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: RehearseArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
