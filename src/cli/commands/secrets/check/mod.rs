//! `homelab secrets check`.

mod sarif;

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use serde_json::json;

use super::repository::{Contents, Files, FluxDoubt, Repository, flux_doubt, flux_view};
use super::short;
use super::workspace::Workspace;
use crate::cli::commands::Outcome;
use crate::cli::settings::OutputFormat;
use crate::cli::{Context, ExitStatus, Failure, parallel};
use crate::model::{Clock as _, SystemClock};
use crate::store::Unseen;
use crate::store::sealed::check::{Check, Code, FileReport, Finding, Scope, Status};
use crate::ui::Counter;

const EXAMPLES: &str = "\
What is looked at: every file that Git takes or would take. What is found: files in the clear that
a rule of .sops.yaml says are encrypted, values in the clear in encrypted files, documents without
`sops`, recipients and selections that differ from the rule, rules that encrypt nothing in a file
of theirs, MACs that do not match (as far as a key is at hand), fields that Flux must read and
cannot, Secrets in the clear, private keys (age, SSH, PEM, OpenPGP), rules that do not work, and a
secrets bundle that makes no cluster.

A rule without path_regex is for every file, and does not say which are encrypted: what is in the
clear under it is found in files that are named one by one only.

What is no secret is listed in .homelab/secrets-allow, one code and pattern a line:
  private-key tests/data/**

Exits with 4 when something is found.

Examples:
  homelab secrets check
  homelab secrets check --staged                            what the next commit would hold
  homelab secrets check --output sarif > secrets.sarif      for code scanning
  homelab secrets check --output json | jq -r '.findings[].file'
  homelab secrets hook install                              before every commit, from now on";

/// Arguments of `homelab secrets check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Files, directories and patterns; without any, the whole repository.
    #[arg(value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    /// Look at what the next commit would hold, not at the working tree.
    #[arg(long, conflicts_with = "paths")]
    staged: bool,
    /// How findings are written to standard output.
    #[arg(long, value_enum, default_value_t, id = "output")]
    output: OutputFormat,
}

/// Checks a repository.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every command takes its arguments by value"
)]
pub fn run(context: &Context, args: CheckArgs) -> Outcome {
    let workspace = Workspace::new(context);
    let repository = Repository::find(context);
    let contents = if args.staged {
        Contents::Staged
    } else {
        Contents::WorkingTree
    };
    let files = repository.files(&workspace, &args.paths, contents)?;
    let reports = look(&workspace, &repository, &files, contents);
    workspace.warn_of_keys();
    let scope = if args.paths.is_empty() && !args.staged {
        Scope::Repository
    } else {
        Scope::Part
    };
    let unseen = files.unseen.iter().map(unseen);
    let found = reports.iter().flat_map(|report| report.findings.clone());
    let mut findings: Vec<Finding> = unseen.chain(found).collect();
    // Rules that cannot be used are found by every file that they would hold for.
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert(finding.clone()));
    let allowed = repository.allow_list()?;
    let findings = allowed.apply(findings, scope);
    show(context, args.output, &reports, &findings)?;
    Ok(if findings.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Differs
    })
}

/// Looks at every file.
fn look(
    workspace: &Workspace<'_>,
    repository: &Repository,
    files: &Files,
    contents: Contents,
) -> Vec<FileReport> {
    let flux = flux_view(workspace.context).map(|(view, _)| view);
    if flux.is_none() && flux_doubt(workspace.context) == FluxDoubt::BrokenSpec {
        let doubt = FluxDoubt::BrokenSpec.text();
        let warning = format!("{doubt}; `flux-key` and `flux-size` are not checked");
        workspace.context.ui.warning(&warning);
    }
    let check = Check {
        root: &repository.root,
        rules: &workspace.rules,
        keys: &workspace.keys,
        flux: flux.as_ref(),
        now: SystemClock.now(),
    };
    let counter = Counter::new(&workspace.context.ui, "checked", files.all.len());
    parallel::map(
        &files.all,
        |file| match repository.read(file, contents) {
            Ok(bytes) => check.file(file, &bytes, files.named.contains(file)),
            Err(error) => unreadable(file.clone(), &error),
        },
        |number| counter.done(number),
    )
}

fn unseen(unseen: &Unseen) -> Finding {
    Finding {
        file: unseen.path.clone(),
        line: 1,
        code: Code::Unreadable,
        message: unseen.reason.clone(),
        remedy: "rename it or make it readable, or have Git ignore it".to_owned(),
    }
}

fn unreadable(file: Utf8PathBuf, error: &anyhow::Error) -> FileReport {
    let finding = Finding {
        file: file.clone(),
        line: 1,
        code: Code::Unreadable,
        message: format!("{error:#}"),
        remedy: "make it readable, or have Git ignore it".to_owned(),
    };
    FileReport {
        file,
        status: Status::Plain,
        rule: None,
        passed_over: false,
        findings: vec![finding],
    }
}

fn show(
    context: &Context,
    output: OutputFormat,
    reports: &[FileReport],
    findings: &[Finding],
) -> Result<(), Failure> {
    let ui = &context.ui;
    let count = |status| {
        reports
            .iter()
            .filter(|report| report.status == status)
            .count()
    };
    let (opened, closed) = (count(Status::Opened), count(Status::Closed));
    match output {
        OutputFormat::Sarif => ui.json(&sarif::log(findings))?,
        OutputFormat::Json => ui.json(&json!({
            "files": reports.len(),
            "encrypted": opened + closed,
            "opened": opened,
            "findings": findings,
        }))?,
        OutputFormat::Text => {
            let text: String = findings.iter().map(line).collect();
            ui.result(short::recipients(&text).as_bytes())?;
        }
    }
    tell_passed_over(context, reports);
    let found = match findings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 finding".to_owned(),
        number => format!("{number} findings"),
    };
    let unopened = match closed {
        0 => String::new(),
        1 => ", 1 of them was not opened: its MAC was not checked".to_owned(),
        number => format!(", {number} of them were not opened: their MACs were not checked"),
    };
    ui.note(&format!(
        "looked at {} files, {} of them encrypted{unopened}: {found}",
        reports.len(),
        opened + closed
    ));
    Ok(())
}

/// Says of how many files nobody says that they are encrypted, so that nobody relies on it.
fn tell_passed_over(context: &Context, reports: &[FileReport]) {
    let is_plain = |report: &&FileReport| report.passed_over && report.status == Status::Plain;
    let number = reports.iter().filter(is_plain).count();
    if number > 0 {
        context.ui.note(&format!(
            "{number} files in the clear fall under a rule without `path_regex`, which does not say which files are \
             encrypted: they were not checked for plaintext; give the rule a `path_regex`, or name files one by one"
        ));
    }
}

fn line(finding: &Finding) -> String {
    let Finding {
        file,
        line,
        code,
        message,
        remedy,
    } = finding;
    format!("{file}:{line}: {code}: {message}\n  {remedy}\n")
}
