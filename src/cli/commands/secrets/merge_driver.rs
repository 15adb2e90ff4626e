//! `homelab secrets merge-driver`: what Git calls to merge an encrypted file.

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{EncryptedFile, FileMerge, Identities, MacCheck, SaveError};

use super::checked_text::{CheckedText, Meant};
use super::unlock;
use super::workspace::{Workspace, format, is_encrypted};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::git::merge_file;
use crate::store::Original;

/// Arguments of `homelab secrets merge-driver`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Git calls it once `homelab secrets git-setup` has run; the merged file takes the place of ours.
Values that both sides changed stay ours, are named by their paths, and leave the file in
conflict: exit code 4. Where a side is not encrypted, lines are merged as `git merge-file` does.

Example of Git's configuration:
  [merge \"homelab-secrets\"]
    driver = homelab secrets merge-driver %O %A %B %P")]
pub struct MergeDriverArgs {
    /// The common version.
    #[arg(value_name = "BASE")]
    base: Utf8PathBuf,
    /// Ours; the result is written here.
    #[arg(value_name = "OURS")]
    ours: Utf8PathBuf,
    /// Theirs.
    #[arg(value_name = "THEIRS")]
    theirs: Utf8PathBuf,
    /// The file's name in the repository: it decides the format.
    #[arg(value_name = "PATH")]
    path: Utf8PathBuf,
}

/// Merges three versions of an encrypted file.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: MergeDriverArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let path = workspace.path(&args.path);
    let read = |name: &Utf8Path| Original::read(&workspace.path(name));
    let (base, ours, theirs) = (read(&args.base)?, read(&args.ours)?, read(&args.theirs)?);
    // Both sides added the file: Git hands over an empty common version.
    let base = (!base.bytes().is_empty()).then_some(base);
    let mut sides = base.iter().chain([&ours, &theirs]);
    if sides.any(|side| !is_encrypted(&path, side.bytes())) {
        return merge_as_text(&workspace, &args, &path);
    }
    let parse = |original: &Original| {
        EncryptedFile::parse(format(&path), original.bytes())
            .map_err(|error| unlock::failure(&path, error, None, &Identities::default()))
    };
    let (base, our, their) = (
        base.as_ref().map(parse).transpose()?,
        parse(&ours)?,
        parse(&theirs)?,
    );
    let identities = workspace.identities(Some(&path), &our);
    let merge = match &base {
        Some(base) => EncryptedFile::merge(base, &our, &their, &identities),
        None => EncryptedFile::merge_added(&our, &their, &identities),
    };
    let merge = merge.map_err(|error| match error {
        SaveError::Old(error) => unlock::failure(&path, error, Some(&our), &identities),
        error => Failure::new(
            Kind::Failed,
            anyhow::Error::new(error).context(format!("cannot merge `{path}`")),
        ),
    })?;
    contents(&workspace, &path, &merge.ours, &identities, ours.bytes())?.replace(&ours)?;
    if merge.conflicts.is_empty() && !merge.metadata_conflict {
        return Ok(ExitStatus::Done);
    }
    tell_conflicts(context, &path, &merge);
    Ok(ExitStatus::Differs)
}

/// Merges lines, as Git itself would, where a side is not encrypted: no side is lost.
fn merge_as_text(workspace: &Workspace<'_>, args: &MergeDriverArgs, path: &Utf8Path) -> Outcome {
    let [ours, base, theirs] = [&args.ours, &args.base, &args.theirs].map(|it| workspace.path(it));
    let conflicts = merge_file([&ours, &base, &theirs]).map_err(|error| {
        Failure::new(
            Kind::Failed,
            anyhow::Error::new(error).context(format!("cannot merge `{path}`")),
        )
        .hint("ours stays; decide by hand, then `git add` it")
    })?;
    let ui = &workspace.context.ui;
    if conflicts == 0 {
        ui.note(&format!(
            "`{path}` is not encrypted on every side: its lines were merged"
        ));
        return Ok(ExitStatus::Done);
    }
    ui.warning(&format!(
        "`{path}` is not encrypted on every side: its lines were merged, {conflicts} of them are in conflict"
    ));
    Ok(ExitStatus::Differs)
}

fn tell_conflicts(context: &Context, path: &Utf8Path, merge: &FileMerge) {
    for conflict in &merge.conflicts {
        context.ui.warning(&format!(
            "both sides changed `{conflict}` in `{path}`; ours stands there"
        ));
    }
    if merge.metadata_conflict {
        context.ui.warning(&format!(
            "both sides changed for whom `{path}` is encrypted, or which of its values; ours stands there"
        ));
    }
    context.ui.note(&format!(
        "compare with `homelab secrets diff --to MERGE_HEAD {path}`, decide with `homelab secrets edit {path}`, then \
         `git add {path}`"
    ));
}

/// The merged file's text, which opens to what it opens to in memory.
fn contents(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    merged: &EncryptedFile,
    identities: &Identities,
    like: &[u8],
) -> Result<CheckedText, Failure> {
    let failed = |error| unlock::failure(path, error, Some(merged), identities);
    let key = merged.data_key(identities).map_err(failed)?;
    let mac = MacCheck::Required;
    let opened = merged.decrypt_with(&key, mac).map_err(failed)?;
    let meant = Meant {
        key: &key,
        document: &opened.document,
        mac,
    };
    CheckedText::encrypted(workspace, path, merged, like, Some(meant))
}
