//! `homelab nodes list`.

use serde_json::json;

use crate::cli::commands::Outcome;
use crate::cli::load::load;
use crate::cli::way::{ConnectArgs, block_on, way};
use crate::cli::{Context, ExitStatus};
use crate::observe::{self, Depth};
use crate::ui;

const EXAMPLES: &str = "\
Before `homelab secrets init` has made a bundle, only machines that wait for their configuration
tell anything; all others are `configured`.

Examples:
  homelab nodes list                    each node of homelab.yaml: its state, its hardware
  homelab nodes list --output json";

/// Arguments of `homelab nodes list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Lists the nodes of the spec.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: ListArgs) -> Outcome {
    let (cluster, _) = load(context)?;
    let way = way(context, &args.connect)?;
    block_on(async {
        let looking = cluster
            .nodes
            .iter()
            .map(|node| observe::node(&way.talos, node, Depth::Full(None)));
        let states = observe::side_by_side(looking).await;
        let nodes: Vec<_> = cluster.nodes.iter().zip(states).collect();
        if context.ui.is_json() {
            let document: Vec<_> = nodes
                .iter()
                .map(|(node, state)| {
                    json!({
                        "name": node.name, "role": node.role, "address": node.address,
                        "state": state,
                    })
                })
                .collect();
            context.ui.json(&document)?;
        } else {
            context
                .ui
                .result(ui::machines::nodes(&nodes, way.has_bundle).as_bytes())?;
        }
        Ok(ExitStatus::Done)
    })
}
