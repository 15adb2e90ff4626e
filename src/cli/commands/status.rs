//! `homelab status`.

use std::io::IsTerminal as _;
use std::time::Duration;

use super::Outcome;
use crate::cli::look::{Eyes, Seen, unreachable};
use crate::cli::run;
use crate::cli::way::{ConnectArgs, block_on};
use crate::cli::{Context, ExitStatus};
use crate::plan::Standing;
use crate::ui;

const EXAMPLES: &str = "\
It only looks. Exit codes: 0 all is as homelab.yaml says, 4 something differs, 5 no control plane
answers.

Examples:
  homelab status                   machines, etcd, virtual IP, Kubernetes, Git, certificates
  homelab status --watch           look again every few seconds until Ctrl-C
  homelab status --output json     all that was seen; with --watch, one object a line";

/// Home, and clear from there: what a terminal shows is replaced.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Arguments of `homelab status`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// Look again and again until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Wait this long between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Runs the command.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: StatusArgs) -> Outcome {
    block_on(async {
        let eyes = Eyes::open(context, &args.connect).await?;
        let mut seen = eyes.look().await;
        show(context, &eyes, &seen, args.watch)?;
        if !args.watch {
            return end(&seen);
        }
        // One for all rounds: what arrives while it is not listened to is lost.
        let mut interrupted = std::pin::pin!(run::interrupted());
        loop {
            let next = async {
                tokio::time::sleep(Duration::from_secs(args.every)).await;
                eyes.look().await
            };
            seen = tokio::select! {
                biased;
                _ = &mut interrupted => return end(&seen),
                next = next => next,
            };
            show(context, &eyes, &seen, args.watch)?;
        }
    })
}

fn show(context: &Context, eyes: &Eyes, seen: &Seen, watch: bool) -> std::io::Result<()> {
    if context.ui.is_json() && watch {
        let mut line = serde_json::to_vec(seen)?;
        line.push(b'\n');
        return context.ui.result(&line);
    }
    if context.ui.is_json() {
        return context.ui.json(seen);
    }
    let cluster = &eyes.inputs.cluster;
    let mut text = ui::health::text(cluster, &seen.health, &seen.findings, seen.standing);
    if watch && std::io::stdout().is_terminal() {
        text.insert_str(0, CLEAR);
    }
    context.ui.result(text.as_bytes())
}

/// How a look ends.
pub fn end(seen: &Seen) -> Outcome {
    match seen.standing {
        Standing::Healthy => Ok(ExitStatus::Done),
        Standing::Differs => Ok(ExitStatus::Differs),
        Standing::Unreachable => Err(unreachable()),
    }
}
