//! `homelab completions`.

use clap::CommandFactory;

use super::Outcome;
use crate::cli::{Cli, Context, ExitStatus};

/// Arguments of `homelab completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  homelab completions bash > ~/.local/share/bash-completion/completions/homelab"
)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints the completions of a shell to standard output.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "homelab", &mut script);
    context.ui.result(&script)?;
    Ok(ExitStatus::Done)
}
