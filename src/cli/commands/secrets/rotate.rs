//! `homelab secrets rotate` and `updatekeys`: for whom files are encrypted.

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{
    DataKey, Document, EncryptedFile, Identities, KeyDifference, MacCheck, Recipient,
    RecipientChange, RewrapError,
};

use super::change::{self, Change, Prepared, Verb, WriteArgs};
use super::checked_text::{CheckedText, Meant};
use super::decrypt::parse;
use super::unlock;
use super::workspace::{Workspace, format, is_encrypted};
use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};
use crate::store::{Origin, Original, Selected};

/// Arguments of `homelab secrets rotate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every value is encrypted again with a new data key, for the same recipients: whoever kept the old
key cannot read what is written from now on. What they could read before they know; replace those
secrets themselves.

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
    /// Go on although no key at hand will open the files afterwards.
    #[arg(long)]
    lock_out: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `homelab secrets updatekeys`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only the wrapped data keys change: values, MAC and dates stay as they are. Who was removed has
still seen the data key: run `homelab secrets rotate` as well.

Examples:
  homelab secrets updatekeys .                 after a change of recipients in .sops.yaml
  homelab secrets updatekeys --dry-run .       who would be added to what, and who removed
  homelab secrets updatekeys --check .         in CI: 4 when a file is not for whom its rule says")]
pub struct UpdateKeysArgs {
    /// Files, directories and patterns.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    /// Go on although no key at hand will open the files afterwards.
    #[arg(long)]
    lock_out: bool,
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
        let failed = |error| rewrap_failure(path, &encrypted, &identities, error);
        let opened = encrypted
            .data_key(&identities)
            .and_then(|key| {
                let opened = encrypted.decrypt_with(&key, MacCheck::Required)?;
                Ok((key, opened.document))
            })
            .map_err(|error| failed(RewrapError::Decrypt(error)));
        let (key, document) = opened?;
        let (rotated, key) = encrypted.rotate_opened(&key, &wanted).map_err(failed)?;
        refuse_lock_out(args.lock_out, path, &rotated, &identities)?;
        let recipients: Vec<&str> = rotated.metadata().age_recipients().collect();
        let summary = format!("`{path}`: a new data key for {}", recipients.join(", "));
        let report = json!({ "file": path, "recipients": recipients });
        let meant = Meant {
            key: &key,
            document: &document,
            mac: MacCheck::Required,
        };
        let like = original.bytes();
        Ok(Prepared::Change(Change {
            contents: CheckedText::encrypted(&workspace, path, &rotated, like, Some(meant))?,
            original,
            summary,
            report,
        }))
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
        update(&workspace, file, args.lock_out)
    })
}

fn update(workspace: &Workspace<'_>, file: &Selected, lock_out: bool) -> Result<Prepared, Failure> {
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
    if encrypted.key_difference(&wanted).is_empty() {
        return Ok(Prepared::Same);
    }
    let failed = |error| rewrap_failure(path, &encrypted, &identities, error);
    let key = encrypted.data_key(&identities);
    let key = key.map_err(|error| failed(RewrapError::Decrypt(error)))?;
    let (updated, difference) = encrypted.update_keys_with(&key, &wanted).map_err(failed)?;
    refuse_lock_out(lock_out, path, &updated, &identities)?;
    let opened = opened_as_it_is(&encrypted, &key);
    let meant = opened.as_ref().map(|(document, mac)| Meant {
        key: &key,
        document,
        mac: *mac,
    });
    let contents = CheckedText::encrypted(workspace, path, &updated, original.bytes(), meant)?;
    Ok(Prepared::Change(Change {
        contents,
        original,
        summary: format!("`{path}`:{}", lines(path, &difference)),
        report: json!({
            "file": path,
            "added": difference.added,
            "removed": difference.removed,
            "regrouped": difference.regrouped,
        }),
    }))
}

/// Fails for a file that nothing at hand would open again: this may be the last key that could give it
/// back.
fn refuse_lock_out(
    is_meant: bool,
    path: &Utf8Path,
    file: &EncryptedFile,
    identities: &Identities,
) -> Result<(), Failure> {
    if is_meant || file.data_key(identities).is_ok() {
        return Ok(());
    }
    let recipients: Vec<&str> = file.metadata().age_recipients().collect();
    let message = format!("no key at hand would open `{path}` afterwards");
    Err(Failure::message(Kind::Refused, message)
        .hint(format!("it would be for {}", recipients.join(", ")))
        .hint("keep one of your own recipients, or say `--lock-out` when it is meant"))
}

/// What a file holds whose values stay as they are, whether they are whole or not; `None` where some
/// do not open: then they are compared as they stand.
fn opened_as_it_is(file: &EncryptedFile, key: &DataKey) -> Option<(Document, MacCheck)> {
    let mut checks = [MacCheck::Required, MacCheck::Skipped].into_iter();
    checks.find_map(|mac| Some((file.decrypt_with(key, mac).ok()?.document, mac)))
}

/// What changes, one a line. Whoever is removed has still seen the data key.
fn lines(path: &Utf8Path, difference: &KeyDifference) -> String {
    let text = difference.to_string();
    let advice = (!difference.removed.is_empty()).then(|| {
        format!(
            "who was removed knows the data key, and can read what is written with it: run `homelab secrets rotate \
             {path}`"
        )
    });
    let lines = text.lines().chain(advice.as_deref());
    lines.flat_map(|line| ["\n  ", line]).collect()
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
    path: &Utf8Path,
    encrypted: &EncryptedFile,
    identities: &Identities,
    error: RewrapError,
) -> Failure {
    match error {
        RewrapError::Decrypt(error) => unlock::failure(path, error, Some(encrypted), identities),
        error => {
            let kind = match error {
                RewrapError::NotARecipient { .. } | RewrapError::NoRecipients => Kind::Refused,
                _ => Kind::Failed,
            };
            Failure::new(kind, anyhow::Error::new(error).context(format!("`{path}`")))
        }
    }
}
