//! `homelab nodes config`.

use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab nodes config`.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: ConfigArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
