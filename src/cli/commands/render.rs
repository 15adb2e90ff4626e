//! `homelab render`.

use super::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab render`.
#[derive(Debug, clap::Args)]
pub struct RenderArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: RenderArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
