//! `homelab secrets rotate` and `updatekeys`: for whom files are encrypted.

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{EncryptedFile, KeyDifference, Recipient, RecipientChange, RewrapError};

use super::change::{self, Change, Prepared, Verb, WriteArgs};
use super::decrypt::parse;
use super::unlock;
use super::workspace::{Workspace, format, is_encrypted};
use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};
use crate::store::{Origin, Original, Selected};

/// Arguments of `homelab secrets rotate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every value is encrypted again with a new data key, for the same recipients: whoever kept the old key cannot
read what is written from now on. What they could read before they know; replace those secrets themselves.

Examples:
  homelab secrets rotate cluster/secrets
  homelab secrets rotate --remove age1… cluster infrastructure     somebody has left
  homelab secrets rotate --dry-run --output json .                 which files there are")]
pub struct RotateArgs {
    /// Files, directories and patterns.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    /// Add this recipient; may be repeated.
    #[arg(long, value_name = "RECIPIENT")]
    add: Vec<Recipient>,
    /// Remove this recipient; may be repeated.
    #[arg(long, value_name = "RECIPIENT")]
    remove: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `homelab secrets updatekeys`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only the wrapped data keys change: values, MAC and dates stay as they are. Who was removed has still seen the
data key: run `homelab secrets rotate` as well.

Examples:
  homelab secrets updatekeys .                 after a change of recipients in .sops.yaml
  homelab secrets updatekeys --dry-run .       who would be added to what, and who removed
  homelab secrets updatekeys --check .         in CI: exits with 4 when a file is for others than its rule says")]
pub struct UpdateKeysArgs {
    /// Files, directories and patterns.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Gives files a new data key.
pub fn run(context: &Context, args: RotateArgs) -> Outcome {
    let workspace = Workspace::new(context);
    change::refuse_stdin(&args.paths)?;
    let selection = workspace.select(&args.paths)?;
    let wanted = RecipientChange {
        add: args.add,
        remove: args.remove,
    };
    let verb = Verb {
        past: "rotated",
        base: "rotate",
    };
    change::run(&workspace, &selection, args.write, verb, |file| {
        let Some((original, encrypted)) = read(file)? else {
            return Ok(Prepared::Same);
        };
        let path = &file.path;
        let identities = workspace.identities(Some(path), &encrypted);
        let rotated = encrypted
            .rotate(&identities, &wanted)
            .map_err(|error| rewrap_failure(&workspace, path, &encrypted, error))?;
        let recipients: Vec<&str> = rotated.metadata().age_recipients().collect();
        let summary = format!("`{path}`: a new data key for {}", recipients.join(", "));
        let report = json!({ "file": path, "recipients": recipients });
        Ok(change_to(
            &workspace, path, original, &rotated, summary, report,
        ))
    })
}

/// Makes the recipients of files those of their rules.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn update_keys(context: &Context, args: UpdateKeysArgs) -> Outcome {
    let workspace = Workspace::new(context);
    change::refuse_stdin(&args.paths)?;
    let selection = workspace.select(&args.paths)?;
    let verb = Verb {
        past: "updated",
        base: "update",
    };
    change::run(&workspace, &selection, args.write, verb, |file| {
        update(&workspace, file)
    })
}

fn update(workspace: &Workspace<'_>, file: &Selected) -> Result<Prepared, Failure> {
    let Some((original, encrypted)) = read(file)? else {
        return Ok(Prepared::Same);
    };
    let path = &file.path;
    let rules = workspace.rules_for(path)?;
    let Some(rule) = rules.rule_for(path) else {
        if file.origin == Origin::Found {
            return Ok(Prepared::Same);
        }
        let message = format!("no rule of `{}` matches `{path}`", rules.file);
        return Err(Failure::message(Kind::Refused, message));
    };
    let wanted = rule
        .encryption_rule()
        .with_context(|| format!("rule {} of `{}`", rule.number(), rules.file))?;
    let identities = workspace.identities(Some(path), &encrypted);
    let (updated, difference) = encrypted
        .update_keys(&identities, &wanted)
        .map_err(|error| rewrap_failure(workspace, path, &encrypted, error))?;
    if difference.is_empty() {
        return Ok(Prepared::Same);
    }
    let summary = format!("`{path}`:{}", lines(&difference));
    let report = json!({
        "file": path,
        "added": difference.added,
        "removed": difference.removed,
    });
    Ok(change_to(
        workspace, path, original, &updated, summary, report,
    ))
}

fn lines(difference: &KeyDifference) -> String {
    let text = difference.to_string();
    text.lines().flat_map(|line| ["\n  ", line]).collect()
}

fn change_to(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    original: Original,
    file: &EncryptedFile,
    summary: String,
    report: serde_json::Value,
) -> Prepared {
    Prepared::Change(Change {
        contents: workspace.encrypted_text(path, file, original.bytes()),
        original,
        summary,
        report,
    })
}

/// Reads an encrypted file; `None` for one that was found and is none.
fn read(file: &Selected) -> Result<Option<(Original, EncryptedFile)>, Failure> {
    let original = Original::read(&file.path)?;
    if file.origin == Origin::Found && !is_encrypted(&file.path, original.bytes()) {
        return Ok(None);
    }
    original.check_writable()?;
    let encrypted = parse(&file.path, format(&file.path), original.bytes())?;
    Ok(Some((original, encrypted)))
}

fn rewrap_failure(
    workspace: &Workspace<'_>,
    path: &Utf8Path,
    encrypted: &EncryptedFile,
    error: RewrapError,
) -> Failure {
    match error {
        RewrapError::Decrypt(error) => {
            let identities = workspace.identities(Some(path), encrypted);
            unlock::failure(path, error, Some(encrypted), &identities)
        }
        error => {
            let kind = match error {
                RewrapError::NotARecipient { .. } | RewrapError::NoRecipients => Kind::Refused,
                _ => Kind::Failed,
            };
            Failure::new(kind, anyhow::Error::new(error).context(format!("`{path}`")))
        }
    }
}
