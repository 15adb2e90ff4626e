//! `homelab secrets get`.

use camino::Utf8PathBuf;
use sops_rs::{MacCheck, Value, ValuePath};

use super::decrypt::Source;
use super::workspace::Workspace;
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};

/// Arguments of `homelab secrets get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A text is printed as it is, without a newline; a list or a mapping in the file's own format.

Examples:
  homelab secrets get cluster/secrets/db/db.sops.yaml stringData.password
  homelab secrets get talos.sops.yaml 'users[0].name'
  homelab secrets get talos.sops.yaml '[\"a key\"][\"with.dots\"]'      the notation of sops
  homelab secrets get bundle.sops.yaml 'document 2: data'          in a file of several documents")]
pub struct GetArgs {
    /// The encrypted file; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// Where the value stands.
    #[arg(value_name = "KEY")]
    key: ValuePath,
    /// The name that standard input would have as a file: it decides the format.
    #[arg(long, value_name = "FILE")]
    name: Option<Utf8PathBuf>,
    /// Read it although the MAC does not match.
    #[arg(long)]
    ignore_mac: bool,
}

/// Prints one value of an encrypted file.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: GetArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let source = Source::read(&workspace, &args.file, args.name.as_deref(), None)?;
    let check = if args.ignore_mac {
        MacCheck::Skipped
    } else {
        MacCheck::Required
    };
    let document = source.open(&workspace, check)?.document;
    workspace.warn_of_keys();
    let value = document.get(&args.key).map_err(|error| {
        let failure = Failure::new(
            Kind::Failed,
            anyhow::Error::new(error).context(format!("`{}`", source.path)),
        );
        failure.hint(format!(
            "run `homelab secrets explain {}` to see its keys",
            args.file
        ))
    })?;
    print(&workspace, &source, &document, &value)
}

fn print(
    workspace: &Workspace<'_>,
    source: &Source,
    document: &sops_rs::Document,
    value: &Value,
) -> Outcome {
    let ui = &workspace.context.ui;
    if ui.is_json() {
        ui.json(&super::json::value(value))?;
    } else {
        let layout = workspace.layout(&source.place);
        ui.bytes(&value.to_bytes(document.format(), layout))?;
    }
    Ok(ExitStatus::Done)
}
