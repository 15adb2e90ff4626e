//! `decrypt --keep-going`: what can be saved of a damaged file.

use super::decrypt::Source;
use super::unlock;
use super::workspace::Workspace;
use crate::cli::commands::Outcome;
use crate::cli::{Failure, Kind};

/// Prints what opens, and lists what does not.
pub(super) fn run(workspace: &Workspace<'_>, source: &Source) -> Outcome {
    let ui = &workspace.context.ui;
    let encrypted = source.parse()?;
    let identities = workspace.identities(source.file(), &encrypted);
    let salvage = encrypted
        .data_key(&identities)
        .and_then(|key| encrypted.salvage(&key))
        .map_err(|error| unlock::failure(&source.path, error, Some(&encrypted), &identities))?;
    workspace.warn_of_keys();
    source.print(workspace, &salvage.document)?;
    for failure in &salvage.failures {
        ui.warning(&format!("not decrypted: {failure}"));
    }
    if let Some(mac) = &salvage.mac {
        ui.warning(&mac.to_string());
    }
    if salvage.failures.is_empty() && salvage.mac.is_none() {
        return Ok(crate::cli::ExitStatus::Done);
    }
    let message = match salvage.failures.len() {
        0 => format!(
            "every value of `{}` opens, but nothing proves that they are complete",
            source.path
        ),
        1 => format!(
            "1 value of `{}` does not open; it stands in the output as in the file",
            source.path
        ),
        number => {
            format!(
                "{number} values of `{}` do not open; they stand in the output as in the file",
                source.path
            )
        }
    };
    Err(Failure::message(Kind::Failed, message))
}
