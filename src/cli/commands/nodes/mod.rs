//! `homelab nodes …`.

pub mod config;

use super::Outcome;
use crate::cli::Context;

/// The commands about nodes.
#[derive(Debug, clap::Subcommand)]
pub enum NodesCommand {
    /// Print the full configuration that would be applied to a node.
    Config(config::ConfigArgs),
}

/// Runs one of them.
pub fn run(context: &Context, command: NodesCommand) -> Outcome {
    match command {
        NodesCommand::Config(args) => config::run(context, args),
    }
}
