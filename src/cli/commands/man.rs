//! `homelab man`.

use camino::Utf8PathBuf;
use clap::CommandFactory;

use super::Outcome;
use crate::cli::{Cli, Context, ExitStatus};

/// Arguments of `homelab man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  homelab man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The directory to write one page per command into; it is made when missing.
    directory: Utf8PathBuf,
}

/// Writes the manual pages.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(_context: &Context, args: ManArgs) -> Outcome {
    fs_err::create_dir_all(&args.directory)?;
    clap_mangen::generate_to(Cli::command(), &args.directory)?;
    Ok(ExitStatus::Done)
}
