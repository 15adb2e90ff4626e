//! The shell: what was typed becomes settings, one command runs, its outcome becomes an exit code.

pub mod args;
pub mod commands;
pub mod context;
pub mod failure;
pub mod settings;

use std::process::ExitCode;

use clap::Parser;

pub use args::{Cli, ColorChoice};
pub use context::Context;
pub use failure::{ExitStatus, Failure, Kind};
pub use settings::{OutputFormat, Settings};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context::new(Settings::resolve(&cli.global));
    match commands::run(&context, cli.command) {
        Ok(status) => status.into(),
        Err(failure) => {
            context.ui.failure(&failure.to_string(), &failure.hints);
            failure.kind.into()
        }
    }
}
