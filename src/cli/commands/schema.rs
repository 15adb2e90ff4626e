//! `homelab schema`.

use super::Outcome;
use crate::cli::{Context, Failure, Kind};

/// Arguments of `homelab schema`.
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {}

/// Runs the command.
pub fn run(_context: &Context, _args: SchemaArgs) -> Outcome {
    Err(Failure::message(Kind::Failed, "not built yet"))
}
