//! `homelab doctor`.

use super::{Outcome, status};
use crate::cli::Context;
use crate::cli::look::Eyes;
use crate::cli::way::{ConnectArgs, block_on};
use crate::ui;

const EXAMPLES: &str = "\
It looks at the whole cluster as `homelab status` does and names, for everything that is not as it
should be, the likely cause and a command that shows more or mends it. It changes nothing itself.

Examples:
  homelab doctor
  homelab doctor --output json";

/// Arguments of `homelab doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs the command.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: DoctorArgs) -> Outcome {
    block_on(async {
        let eyes = Eyes::open(context, &args.connect).await?;
        let seen = eyes.look().await;
        if context.ui.is_json() {
            let document = serde_json::json!({
                "standing": seen.standing,
                "findings": seen.findings,
            });
            context.ui.json(&document)?;
        } else {
            let cluster = &eyes.inputs.cluster;
            let text = ui::health::diagnosis(cluster, &seen.findings, seen.standing);
            context.ui.result(text.as_bytes())?;
        }
        status::end(&seen)
    })
}
