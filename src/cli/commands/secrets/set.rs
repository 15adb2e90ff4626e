//! `homelab secrets set` and `unset`.

use std::io::{IsTerminal as _, Read as _};

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use dialoguer::Password;
use dialoguer::theme::SimpleTheme;
use serde_json::json;
use sops_rs::{Document, EncryptedFile, LookupError, MacCheck, Value, ValuePath};
use zeroize::Zeroizing;

use super::change::{self, Change, Prepared, Verb, WriteArgs};
use super::checked_text::{CheckedText, Meant};
use super::decrypt::parse;
use super::unlock;
use super::workspace::{Workspace, format};
use crate::cli::commands::Outcome;
use crate::cli::{Context, Failure, Kind};
use crate::store::sealed::selection_text;
use crate::store::{Origin, Original, Selected, Selection};

/// Arguments of `homelab secrets set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The value is asked for on a terminal, and read from standard input elsewhere: on a command line
every process of the computer could read it. All other values keep their bytes. A value that the
file leaves in the clear is refused, and so is an empty one: a command that failed prints nothing.

Examples:
  homelab secrets set cluster/secrets/db/db.sops.yaml stringData.password
  pass show db | homelab secrets set cluster/secrets/db/db.sops.yaml stringData.password
  echo 5432 | homelab secrets set --yaml db.sops.yaml port        the number, not the text
  homelab secrets set --from-file tls.key db.sops.yaml 'stringData[\"tls.key\"]'")]
pub struct SetArgs {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// Where the value stands; mappings on the way to it are made.
    #[arg(value_name = "KEY")]
    key: ValuePath,
    /// Take the value from this file, `-` for standard input.
    #[arg(long, value_name = "FILE")]
    from_file: Option<Utf8PathBuf>,
    /// Read the value as YAML or JSON: numbers, lists, mappings. Without it, it is a text, and a newline
    /// at its end is no part of it.
    #[arg(long)]
    yaml: bool,
    /// Set it although it will stand in the clear, because the file's selection leaves the key out.
    #[arg(long)]
    clear: bool,
    /// An empty value is meant.
    #[arg(long)]
    empty: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `homelab secrets unset`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  homelab secrets unset cluster/secrets/db/db.sops.yaml stringData.old-password
  homelab secrets unset --missing-ok db.sops.yaml 'users[3]'")]
pub struct UnsetArgs {
    /// The encrypted file.
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// Where the values stand.
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<ValuePath>,
    /// A value that is not there is no failure.
    #[arg(long)]
    missing_ok: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Sets one value of an encrypted file.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: SetArgs) -> Outcome {
    let workspace = Workspace::new(context);
    change::refuse_stdin(std::slice::from_ref(&args.file))?;
    let value = value(&args)?;
    let verb = Verb {
        past: "set",
        base: "set",
    };
    let what = format!("`{}`", args.key);
    edit(
        &workspace,
        &args.file,
        args.write,
        verb,
        &what,
        |document, encrypted| {
            let set = document.set(&args.key, value.clone());
            set.with_context(|| format!("`{}`", args.file))?;
            if args.clear {
                Ok(())
            } else {
                refuse_clear(&args, document, encrypted)
            }
        },
    )
}

/// Takes values out of an encrypted file.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn unset(context: &Context, args: UnsetArgs) -> Outcome {
    let workspace = Workspace::new(context);
    change::refuse_stdin(std::slice::from_ref(&args.file))?;
    let verb = Verb {
        past: "removed",
        base: "remove",
    };
    let keys: Vec<String> = args.keys.iter().map(|key| format!("`{key}`")).collect();
    let what = keys.join(", ");
    edit(
        &workspace,
        &args.file,
        args.write,
        verb,
        &what,
        |document, _| {
            for key in &args.keys {
                match document.unset(key) {
                    Err(LookupError::Missing { .. }) if args.missing_ok => {}
                    unset => {
                        unset.with_context(|| format!("`{}`", args.file))?;
                    }
                }
            }
            Ok(())
        },
    )
}

/// Fails for a value that the file's own selection leaves out: a mistyped key would publish it.
fn refuse_clear(
    args: &SetArgs,
    document: &Document,
    encrypted: &EncryptedFile,
) -> Result<(), Failure> {
    let selection = &encrypted.metadata().selection;
    let is_set = |path: &ValuePath| {
        path.document_index() == args.key.document_index()
            && path.steps().starts_with(args.key.steps())
    };
    let survey = document.survey(selection);
    let mut values = survey.values.iter();
    let Some(clear) = values.find(|value| is_set(&value.path) && !value.selected) else {
        return Ok(());
    };
    let (path, file, selection) = (&clear.path, &args.file, selection_text(selection));
    let message =
        format!("`{path}` would stand in `{file}` in the clear: its `{selection}` leaves it out");
    Err(Failure::message(Kind::Refused, message)
        .hint(format!(
            "check the spelling of the key: `homelab secrets explain {file}` shows what is encrypted"
        ))
        .hint("or say `--clear` when everybody may read it"))
}

/// Opens one file, changes what is in it, and closes it again.
fn edit(
    workspace: &Workspace<'_>,
    name: &Utf8Path,
    write: WriteArgs,
    verb: Verb,
    what: &str,
    apply: impl Fn(&mut Document, &EncryptedFile) -> Result<(), Failure> + Sync,
) -> Outcome {
    let selection = Selection {
        files: vec![Selected {
            path: workspace.path(name),
            origin: Origin::Named,
        }],
        problems: Vec::new(),
    };
    change::run(workspace, &selection, write, verb, |file| {
        let path = &file.path;
        let original = Original::read(path)?;
        original.check_writable()?;
        let encrypted = parse(path, format(path), original.bytes())?;
        let identities = workspace.identities(Some(path), &encrypted);
        let (key, mut edit) = encrypted
            .data_key(&identities)
            .and_then(|key| {
                let edit = encrypted.edit_with(&key, MacCheck::Required)?;
                Ok((key, edit))
            })
            .map_err(|error| unlock::failure(path, error, Some(&encrypted), &identities))?;
        apply(edit.document_mut(), &encrypted)?;
        let document = edit.document().clone();
        let saved = edit.save().with_context(|| format!("`{path}`"))?;
        let meant = Meant {
            key: &key,
            document: &document,
            mac: MacCheck::Required,
        };
        let like = original.bytes();
        let contents = CheckedText::encrypted(workspace, path, &saved, like, Some(meant))?;
        if contents.bytes() == original.bytes() {
            return Ok(Prepared::Same);
        }
        Ok(Prepared::Change(Change {
            summary: format!("{what} in `{path}`"),
            report: json!({ "file": path, "changed": true }),
            contents,
            original,
        }))
    })
}

fn value(args: &SetArgs) -> Result<Value, Failure> {
    let text = match args.from_file.as_deref() {
        Some(file) if file != "-" => Zeroizing::new(fs_err::read(file)?),
        None if std::io::stdin().is_terminal() => asked(args)?,
        _ => {
            let mut bytes = Zeroizing::new(Vec::new());
            std::io::stdin().read_to_end(&mut bytes)?;
            bytes
        }
    };
    let text = std::str::from_utf8(&text)
        .map_err(|_| Failure::message(Kind::Usage, "the value is not UTF-8 text"))?;
    if !args.empty && text.trim_end_matches(['\r', '\n']).is_empty() {
        return Err(holds_no_value(args));
    }
    if args.yaml {
        return Value::from_text(text).map_err(|error| Failure::new(Kind::Usage, error));
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Value::from(text.strip_suffix('\r').unwrap_or(text)))
}

fn holds_no_value(args: &SetArgs) -> Failure {
    let source = match args.from_file.as_deref() {
        Some(file) if file != "-" => format!("`{file}`"),
        _ => unlock::STDIN.to_owned(),
    };
    Failure::message(Kind::Usage, format!("{source} holds no value"))
        .hint("did the command that should print it fail? nothing was changed")
        .hint("say `--empty` when an empty value is meant")
}

fn asked(args: &SetArgs) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let answer = Password::with_theme(&SimpleTheme)
        .with_prompt(format!("{} in {}", args.key, args.file))
        .allow_empty_password(args.empty)
        .interact()
        .map_err(|_| Failure::message(Kind::Interrupted, "nothing was done"))?;
    Ok(Zeroizing::new(answer.into_bytes()))
}
