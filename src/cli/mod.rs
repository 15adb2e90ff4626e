//! The shell: what was typed becomes settings, one command runs, its outcome becomes an exit code.

pub mod args;
pub mod client_file;
pub mod commands;
pub mod context;
pub mod engine;
pub mod failure;
pub mod lifetime;
pub mod load;
pub mod look;
mod own_components;
pub mod parallel;
pub mod run;
pub mod sealed;
pub mod settings;
pub mod way;

use std::process::ExitCode;

use clap::Parser;

pub use args::{Cli, ColorChoice};
pub use context::Context;
pub use failure::{ExitStatus, Failure, Kind};
pub use settings::{OutputFormat, Settings};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_for_developers();
    // One TLS provider for the process; a second caller would find it installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let context = Context::new(Settings::resolve(&cli.global));
    match commands::run(&context, cli.command) {
        Ok(status) => status.into(),
        Err(failure) => {
            context.ui.failure(&failure.to_string(), &failure.hints);
            failure.kind.into()
        }
    }
}

/// Writes `tracing` events to standard error when `HOMELAB_LOG` asks for them (`debug`, `homelab=trace`).
fn log_for_developers() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("HOMELAB_LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
}
