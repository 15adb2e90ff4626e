//! `homelab nodes …`.

pub mod config;
pub mod discover;
pub mod list;

use super::Outcome;
use crate::cli::Context;

/// The commands about nodes.
#[derive(Debug, clap::Subcommand)]
pub enum NodesCommand {
    /// List the nodes with what each machine is now.
    List(list::ListArgs),
    /// Look for machines in the network and describe them for homelab.yaml.
    Discover(discover::DiscoverArgs),
    /// Print the full configuration that would be applied to a node.
    Config(config::ConfigArgs),
}

/// Runs one of them.
pub fn run(context: &Context, command: NodesCommand) -> Outcome {
    match command {
        NodesCommand::List(args) => list::run(context, args),
        NodesCommand::Discover(args) => discover::run(context, args),
        NodesCommand::Config(args) => config::run(context, args),
    }
}
