//! `homelab secrets status`.

use camino::Utf8PathBuf;
use serde_json::json;
use sops_rs::{DecryptError, EncryptedFile};

use super::workspace::{Workspace, is_encrypted, read};
use crate::cli::commands::Outcome;
use crate::cli::{Context, ExitStatus, Failure, parallel};
use crate::store::{Origin, Original, Selected};
use crate::ui::{Counter, table};

/// Arguments of `homelab secrets status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 4 when a file that holds encrypted values is damaged, so that nobody can open it.

Examples:
  homelab secrets status                       every encrypted file: opens, MAC, recipients, date
  homelab secrets status cluster/secrets
  homelab secrets status --output json secret.sops.yaml | jq '.files[0].encrypted'")]
pub struct StatusArgs {
    /// Files, directories and patterns.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<Utf8PathBuf>,
}

/// Shows the state of encrypted files.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: StatusArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let selection = workspace.select(&args.paths)?;
    let counter = Counter::new(&context.ui, "looked at", selection.files.len());
    let states = parallel::map(
        &selection.files,
        |file| state(&workspace, file),
        |number| counter.done(number),
    );
    drop(counter);
    workspace.warn_of_keys();
    let states: Vec<State> = states
        .into_iter()
        .filter_map(Result::transpose)
        .collect::<Result<_, Failure>>()?;
    if context.ui.is_json() {
        context.ui.json(&json!({ "files": states }))?;
    } else {
        context.ui.result(text(&states).as_bytes())?;
    }
    Ok(if states.iter().any(State::is_damaged) {
        ExitStatus::Differs
    } else {
        ExitStatus::Done
    })
}

/// The state of a file.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    file: Utf8PathBuf,
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

impl State {
    fn is_damaged(&self) -> bool {
        self.details.as_ref().is_some_and(|details| details.damaged)
    }
}

#[derive(Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    /// Nobody can open it as it is.
    #[serde(skip)]
    damaged: bool,
    values: usize,
    recipients: usize,
    version: String,
    last_modified: String,
    state: String,
}

fn state(workspace: &Workspace<'_>, file: &Selected) -> Result<Option<State>, Failure> {
    let path = &file.path;
    let original = Original::read(path)?;
    let encrypted = is_encrypted(path, original.bytes());
    if !encrypted && file.origin == Origin::Found {
        return Ok(None);
    }
    let read = || match read(path, original.bytes()) {
        Ok(parsed) => details(workspace, file, &parsed),
        Err(damage) => Details::damaged(&damage),
    };
    let details = encrypted.then(read);
    Ok(Some(State {
        file: path.clone(),
        encrypted,
        details,
    }))
}

impl Details {
    fn damaged(reason: &str) -> Self {
        Self {
            damaged: true,
            state: format!("damaged: {reason}"),
            ..Self::default()
        }
    }
}

fn details(workspace: &Workspace<'_>, file: &Selected, encrypted: &EncryptedFile) -> Details {
    let metadata = encrypted.metadata();
    let identities = workspace.identities(Some(&file.path), encrypted);
    let state = match encrypted.decrypt(&identities) {
        Ok(_) => "opens, MAC matches".to_owned(),
        Err(error @ (DecryptError::MacMismatch { .. } | DecryptError::NoMac)) => error.to_string(),
        Err(DecryptError::Key(error)) if error.is_missing_key() => {
            "no key at hand opens it".to_owned()
        }
        Err(error) => format!("does not open: {error}"),
    };
    Details {
        damaged: false,
        values: encrypted.encrypted_values(),
        recipients: metadata.keys().count(),
        version: metadata.version.clone(),
        last_modified: metadata.last_modified.as_str().to_owned(),
        state,
    }
}

fn text(states: &[State]) -> String {
    let mut rows = vec![["FILE", "VALUES", "KEYS", "CHANGED", "STATE"].map(str::to_owned)];
    for State { file, details, .. } in states {
        rows.push(match details {
            None => [
                file.to_string(),
                String::new(),
                String::new(),
                String::new(),
                "not encrypted".to_owned(),
            ],
            Some(details) => [
                file.to_string(),
                details.values.to_string(),
                details.recipients.to_string(),
                details.last_modified.clone(),
                details.state.clone(),
            ],
        });
    }
    table(&rows)
}
