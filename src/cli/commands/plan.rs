//! `homelab plan`.

use std::sync::Arc;
use std::time::Duration;

use super::Outcome;
use crate::cli::way::{ConnectArgs, block_on};
use crate::cli::{Context, ExitStatus, Failure, Kind, engine};
use crate::execute::{self, Silent};
use crate::plan::{Consents, Severity};
use crate::ui;

const EXAMPLES: &str = "\
It compares the configuration that each machine runs with the one that homelab.yaml renders, and
shows every change with what it does, and the steps of `homelab apply`. It changes nothing. Exit
codes: 0 nothing to change, 4 changes are pending, 5 no machine answers, 6 a fence would refuse.

Examples:
  homelab plan
  homelab plan --without talos-3     leave out a machine that does not answer
  homelab plan --output json";

/// Arguments of `homelab plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    /// Leave this node out; may be repeated.
    #[arg(long, value_name = "NODE")]
    without: Vec<String>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs the command.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: PlanArgs) -> Outcome {
    block_on(async {
        let request = engine::Request {
            connect_map: args.connect.connect_map.clone(),
            patience: Duration::ZERO,
            sink: Arc::new(Silent),
        };
        let mut inputs = engine::inputs(context, request).await?;
        inputs.consents = Consents {
            without: engine::known_nodes(&inputs.cluster, &args.without)?,
            ..Consents::default()
        };
        let (observed, plan) = execute::plan_change(&inputs).await;
        if context.ui.is_json() {
            let changes = ui::changes::document(&observed);
            context
                .ui
                .json(&serde_json::json!({"changes": changes, "plan": plan}))?;
        } else {
            let text = ui::changes::text(&observed, &plan);
            context.ui.text(&text)?;
        }
        match plan.severity() {
            None if plan.steps.is_empty() => Ok(ExitStatus::Done),
            None | Some(Severity::Differs) => Ok(ExitStatus::Differs),
            Some(Severity::Unreachable) => {
                Err(Failure::message(Kind::Unreachable, "no machine answers"))
            }
            Some(Severity::Refused) => Err(Failure::message(
                Kind::Refused,
                "`homelab apply` would refuse",
            )),
        }
    })
}
