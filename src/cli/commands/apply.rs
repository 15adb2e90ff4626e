//! `homelab apply`.

use std::sync::Arc;
use std::time::Duration;

use super::Outcome;
use super::bootstrap::{agreed, failed};
use crate::cli::way::{ConnectArgs, block_on};
use crate::cli::{Context, ExitStatus, Failure, Kind, engine, run};
use crate::execute;
use crate::plan::Consents;
use crate::ui::{self, progress};

const EXAMPLES: &str = "\
One machine after the other, workers first: each must run its new configuration and be well, and
etcd with it, before the next is touched. A control plane is only restarted while the others keep
etcd's quorum. What a cluster keeps for life (its identity, networks, authorities, names) is
refused. It may be interrupted at any moment and run again.

Examples:
  homelab plan                       look first
  homelab apply                      show the plan, ask, and change the machines
  homelab apply --yes                for scripts
  homelab apply --without talos-3    leave out a machine that does not answer";

/// Arguments of `homelab apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ApplyArgs {
    /// Go on without being asked; needed where there is no terminal.
    #[arg(long)]
    yes: bool,
    /// Leave this node out; may be repeated.
    #[arg(long, value_name = "NODE")]
    without: Vec<String>,
    /// Take the lease from another operator whose run is stuck.
    #[arg(long)]
    break_lock: bool,
    /// Wait this long for machines that do not answer at first: they may be restarting.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs the command.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: ApplyArgs) -> Outcome {
    block_on(apply(context, &args))
}

async fn apply(context: &Context, args: &ApplyArgs) -> Outcome {
    let progress = Arc::new(run::Progress::new(progress::sink(&context.ui)));
    let request = engine::Request {
        connect_map: args.connect.connect_map.clone(),
        patience: Duration::from_secs(args.patience),
        sink: progress.clone(),
    };
    let mut inputs = engine::inputs(context, request).await?;
    inputs.consents = Consents {
        without: engine::known_nodes(&inputs.cluster, &args.without)?,
        break_lock: args.break_lock,
        ..Consents::default()
    };
    if !args.yes {
        let (observed, plan) = execute::plan_change(&inputs).await;
        if plan.severity().is_none() && !plan.steps.is_empty() {
            let text = ui::changes::text(&observed, &plan);
            if !agreed(context, &text)? {
                return Err(Failure::message(Kind::Interrupted, "nothing was done"));
            }
        }
    }
    let outcome = tokio::select! {
        biased;
        result = execute::apply(inputs) => match result {
            Ok(outcome) => outcome,
            Err(error) => return failed(context, error),
        },
        signal = run::interrupted() => return Err(run::interruption(&progress, signal)),
    };
    if context.ui.is_json() {
        context.ui.json(&outcome)?;
    } else if outcome.done.is_empty() && outcome.skipped.is_empty() {
        context
            .ui
            .result(b"nothing to change: every machine runs what homelab.yaml renders\n")?;
    } else {
        context
            .ui
            .result(b"every machine runs what homelab.yaml renders\n")?;
    }
    Ok(ExitStatus::Done)
}
