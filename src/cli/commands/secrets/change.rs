//! Changing files in place, one way for every command: everything is worked out first, nothing is
//! written unless all of it works and reads back as it was meant, and each file is replaced as a whole.
//!
//! `--dry-run` and `--check` stop before the writing; up to there nothing is different.

use camino::Utf8Path;
use serde_json::{Value, json};

use super::checked_text::CheckedText;
use super::workspace::Workspace;
use crate::cli::commands::Outcome;
use crate::cli::{ExitStatus, Failure, Kind, parallel};
use crate::store::{FileError, Original, Selected, Selection};
use crate::ui::Counter;

/// What is done with what was worked out.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct WriteArgs {
    /// Say what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write nothing, and exit with 4 when there is something to do.
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
}

impl WriteArgs {
    /// Tells whether files are written.
    pub(super) fn writes(self) -> bool {
        !(self.dry_run || self.check)
    }

    /// Tells whether something to do is told by the exit code.
    pub(super) fn is_check(self) -> bool {
        self.check
    }
}

/// What a command makes of a file.
pub(super) enum Prepared {
    /// New contents.
    Change(Change),
    /// Nothing needs to be done.
    Same,
}

/// New contents of a file.
pub(super) struct Change {
    /// The file as it is.
    pub(super) original: Original,
    /// What it will hold.
    pub(super) contents: CheckedText,
    /// What is done, for people, as it reads after `would` and `have`: "`file`: …".
    pub(super) summary: String,
    /// What is done, for programs.
    pub(super) report: Value,
}

/// A verb in the forms that messages need.
#[derive(Clone, Copy)]
pub(super) struct Verb {
    /// As after "cannot be" and in "`encrypted` 3 files".
    pub(super) past: &'static str,
    /// As after "would".
    pub(super) base: &'static str,
}

/// Works out what to do with every file, and does it.
pub(super) fn run(
    workspace: &Workspace<'_>,
    selection: &Selection,
    args: WriteArgs,
    verb: Verb,
    prepare: impl Fn(&Selected) -> Result<Prepared, Failure> + Sync,
) -> Outcome {
    let changes = prepare_all(workspace, selection, verb, prepare)?;
    workspace.warn_of_keys();
    workspace.warn_of_rules();
    let ui = &workspace.context.ui;
    if args.writes() {
        write(workspace, &changes)?;
    }
    for change in &changes {
        let Change { summary, .. } = change;
        if args.writes() {
            ui.note(&format!("{} {summary}", verb.past));
        } else {
            ui.note(&format!("would {} {summary}", verb.base));
        }
    }
    if changes.is_empty() && !ui.is_json() {
        ui.note("nothing to do");
    }
    if ui.is_json() {
        let files: Vec<&Value> = changes.iter().map(|change| &change.report).collect();
        ui.json(&json!({ "files": files, "written": args.writes() }))?;
    }
    Ok(if args.check && !changes.is_empty() {
        ExitStatus::Differs
    } else {
        ExitStatus::Done
    })
}

fn prepare_all(
    workspace: &Workspace<'_>,
    selection: &Selection,
    verb: Verb,
    prepare: impl Fn(&Selected) -> Result<Prepared, Failure> + Sync,
) -> Result<Vec<Change>, Failure> {
    let files = &selection.files;
    let counter = Counter::new(&workspace.context.ui, verb.past, files.len());
    let prepared = parallel::map(files, prepare, |number| counter.done(number));
    drop(counter);
    let mut changes = Vec::new();
    let mut failures = Vec::new();
    for result in prepared {
        match result {
            Ok(Prepared::Change(change)) => changes.push(change),
            Ok(Prepared::Same) => {}
            Err(failure) => failures.push(failure),
        }
    }
    match combined(failures, files.len(), verb) {
        Some(failure) => Err(failure),
        None => Ok(changes),
    }
}

fn write(workspace: &Workspace<'_>, changes: &[Change]) -> Result<(), Failure> {
    let counter = Counter::new(&workspace.context.ui, "wrote", changes.len());
    let replace = |change: &Change| change.contents.replace(&change.original);
    let results = parallel::map(changes, replace, |number| counter.done(number));
    drop(counter);
    let written = results.iter().filter(|result| result.is_ok()).count();
    let failures: Vec<FileError> = results.into_iter().filter_map(Result::err).collect();
    if failures.is_empty() {
        return Ok(());
    }
    let failures = failures.into_iter().map(Failure::from).collect();
    let failure = combined(failures, 1, Verb { past: "", base: "" });
    let failure = failure.unwrap_or_else(|| Failure::message(Kind::Failed, "nothing was written"));
    Err(if changes.len() > 1 {
        failure.hint(format!(
            "{written} of {} files were written; run the same command again for the others",
            changes.len()
        ))
    } else {
        failure
    })
}

/// One failure of all, the first of which decides the exit code.
fn combined(failures: Vec<Failure>, files: usize, verb: Verb) -> Option<Failure> {
    let others = failures.len();
    let mut failures = failures.into_iter();
    let first = failures.next()?;
    if files == 1 && others == 1 {
        return Some(first);
    }
    let mut message = format!(
        "{others} of {files} files cannot be {}; none was written",
        verb.past
    );
    let mut hints = Vec::new();
    let kind = first.kind;
    for failure in std::iter::once(first).chain(failures) {
        message += "\n  ";
        message += &failure.to_string();
        for hint in failure.hints {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    let combined = Failure::message(kind, message);
    Some(hints.into_iter().fold(combined, Failure::hint))
}

/// The refusal of standard input where files are changed.
pub(super) fn refuse_stdin(names: &[camino::Utf8PathBuf]) -> Result<(), Failure> {
    if names.iter().any(|name| name == Utf8Path::new("-")) {
        let message = "standard input cannot be replaced: name a file";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(())
}
