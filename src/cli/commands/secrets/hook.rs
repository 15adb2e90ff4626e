//! `homelab secrets hook`.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::git::index;
use crate::store::FileError;

/// The line that makes a hook ours.
const COMMAND: &str = "homelab secrets check --staged";

// No line of this file may begin like a script: it would be checked as one.
const SCRIPT: &str = concat!(
    "#!/bin/sh\n",
    "# Written by `homelab secrets hook install`: no secret in the clear enters a commit.\n",
    "exec homelab secrets check --staged\n",
);

/// The commands about the Git hook.
#[derive(Debug, clap::Subcommand)]
pub enum HookCommand {
    /// Check what is staged before every commit.
    Install(InstallArgs),
}

/// Arguments of `homelab secrets hook install`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A hook that is there already stays; what to add to it is said instead.

Examples:
  homelab secrets hook install
  git commit --no-verify          passes over it once")]
pub struct InstallArgs {}

/// Runs one of them.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, command: HookCommand) -> Outcome {
    match command {
        HookCommand::Install(InstallArgs {}) => install(context),
    }
}

fn install(context: &Context) -> Outcome {
    let root = &context.settings.root;
    let hooks = index::text(root, &["rev-parse", "--git-path", "hooks"])
        .map_err(|error| Failure::new(Kind::Failed, error).hint("run `git init` first"))?;
    let hooks = root.join(hooks.trim_end_matches('\n'));
    let hook = hooks.join("pre-commit");
    match fs_err::read_to_string(&hook) {
        Ok(text) if text.contains(COMMAND) => {
            context.ui.note(&format!("`{hook}` runs it already"));
        }
        Ok(_) => {
            let message = format!("`{hook}` exists already and is not replaced");
            return Err(Failure::message(Kind::Refused, message)
                .hint(format!("add this line to it: {COMMAND} || exit 1")));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write(&hooks, &hook).map_err(|source| FileError::Io {
                verb: "write",
                path: hook.clone(),
                source,
            })?;
            context.ui.note(&format!(
                "wrote `{hook}`: every commit is checked from now on"
            ));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitStatus::Done)
}

fn write(hooks: &Utf8Path, hook: &Utf8PathBuf) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::create_dir_all(hooks)?;
    let mut file = tempfile::Builder::new()
        .prefix("pre-commit-")
        .tempfile_in(hooks)?;
    file.write_all(SCRIPT.as_bytes())?;
    let mode = std::fs::Permissions::from_mode(0o755);
    file.as_file().set_permissions(mode)?;
    file.persist_noclobber(hook).map_err(|error| error.error)?;
    Ok(())
}
