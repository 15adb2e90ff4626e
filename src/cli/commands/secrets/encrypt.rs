//! `homelab secrets encrypt`.

use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab secrets encrypt`.
#[derive(Debug, clap::Args)]
pub struct EncryptArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: EncryptArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
