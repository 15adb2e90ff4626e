//! `homelab secrets diff`: plaintext for those who have a key.

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{EncryptedFile, MacCheck};
use zeroize::Zeroizing;

use super::workspace::{Workspace, format, is_encrypted};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::git::index;
use crate::store::{Original, text_diff};

/// Arguments of `homelab secrets diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows the plaintext of what changed. `homelab secrets git-setup` makes `git diff` and `git log -p`
do the same.

Examples:
  homelab secrets diff cluster/secrets/db/db.sops.yaml               what is not committed yet
  homelab secrets diff db.sops.yaml --from main~3                    since then
  homelab secrets diff db.sops.yaml --from v1 --to v2                between two revisions")]
pub struct DiffArgs {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// The revision to compare.
    #[arg(long, value_name = "REVISION", default_value = "HEAD")]
    from: String,
    /// The revision to compare with; without it, the file as it is.
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
    /// Print the plaintext of the file, as Git's textconv wants it; a file that does not open as it is.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    textconv: bool,
}

/// Shows the difference of two revisions in the clear.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: DiffArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let path = workspace.path(&args.file);
    if args.textconv {
        let original = Original::read(&path)?;
        context
            .ui
            .bytes(&plaintext(&workspace, &path, original.bytes()))?;
        return Ok(ExitStatus::Done);
    }
    let old = revision(&path, &args.from)?;
    let new = match &args.to {
        Some(to) => revision(&path, to)?,
        None => Original::read(&path)?.bytes().to_vec(),
    };
    let text = |bytes: &[u8]| -> Zeroizing<String> {
        let plain = plaintext(&workspace, &path, bytes);
        Zeroizing::new(String::from_utf8_lossy(&plain).into_owned())
    };
    let (old, new) = (text(&old), text(&new));
    workspace.warn_of_keys();
    if old == new {
        context.ui.note("no value differs");
        return Ok(ExitStatus::Done);
    }
    context.ui.result(text_diff(&path, &old, &new).as_bytes())?;
    Ok(ExitStatus::Done)
}

/// The file's contents in a revision.
fn revision(path: &Utf8Path, revision: &str) -> Result<Vec<u8>, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_str().is_empty());
    let name = path.file_name().unwrap_or_default();
    let object = format!("{revision}:./{name}");
    index::content(folder.unwrap_or(Utf8Path::new(".")), &object).map_err(|error| {
        Failure::new(Kind::Failed, error).hint(format!(
            "is `{path}` in `{revision}`, and is that a revision?"
        ))
    })
}

/// What a file says in the clear; one that does not open stands for itself, and the reason is told.
fn plaintext(workspace: &Workspace<'_>, path: &Utf8Path, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let as_it_is = || Zeroizing::new(bytes.to_vec());
    if !is_encrypted(path, bytes) {
        return as_it_is();
    }
    match opened(workspace, path, bytes) {
        Ok(text) => text,
        Err(reason) => {
            let warning = format!("`{path}` is shown encrypted: {reason}");
            workspace.context.ui.warning(&warning);
            as_it_is()
        }
    }
}

fn opened(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, sops_rs::DecryptError> {
    let encrypted = EncryptedFile::parse(format(path), bytes)?;
    let identities = workspace.identities(Some(path), &encrypted);
    let key = encrypted.data_key(&identities)?;
    // A MAC that does not match is no reason to hide what changed; `secrets check` tells it.
    let opened = encrypted.decrypt_with(&key, MacCheck::Skipped)?;
    Ok(workspace.plain_text(path, &opened.document, bytes))
}
