//! `homelab secrets init`.

use std::io::IsTerminal as _;

use dialoguer::Password;
use dialoguer::theme::SimpleTheme;
use sops_rs::Environment;

use crate::cli::commands::Outcome;
use crate::cli::load::load;
use crate::cli::sealed::setup_failure;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::model::{Clock as _, Secret, SystemClock};
use crate::pki::SystemEntropy;
use crate::store::sealed::{AGE_KEY_FILE, Question, Report, Setup, State};

const ABOUT: &str = "\
Makes what is missing, never over what is there: an age key (.sops/age.key), encryption rules \
(.sops.yaml), the cluster's secrets bundle (infrastructure/talos/secrets.sops.yaml), and the secrets \
that components expect. Random ones are generated; others are asked for on a terminal.";

const EXAMPLES: &str = "\
Examples:
  homelab secrets init
  homelab secrets init --output json | jq -r '.secrets[] | select(.state == \"missing\") | .file'";

/// Arguments of `homelab secrets init`.
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub struct InitArgs {}

/// Makes what is missing.
pub fn run(context: &Context, _args: InitArgs) -> Outcome {
    let (cluster, catalog) = load(context)?;
    let report = Setup {
        root: &context.settings.root,
        cluster: &cluster,
        catalog: &catalog,
        environment: Environment::of_process(),
        now: SystemClock.now(),
        entropy: &mut SystemEntropy,
        ask: &mut ask,
    }
    .run()
    .map_err(setup_failure)?;
    if nothing_made(&report) {
        return Err(refusal(&report));
    }
    if context.ui.is_json() {
        context.ui.json(&report)?;
    } else {
        context.ui.result(text(&report).as_bytes())?;
    }
    for line in advice(&report) {
        context.ui.note(&line);
    }
    Ok(ExitStatus::Done)
}

/// Asks on the terminal, without showing what is typed.
pub fn ask(question: Question<'_>) -> Option<Secret<String>> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return None;
    }
    let Question { component, text } = question;
    let answer = Password::with_theme(&SimpleTheme)
        .with_prompt(format!("{component}: {text} (empty to leave it for later)"))
        .allow_empty_password(true)
        .interact();
    answer
        .ok()
        .filter(|answer| !answer.is_empty())
        .map(Secret::new)
}

fn nothing_made(report: &Report) -> bool {
    let kept = |state: State| state != State::Made;
    kept(report.rules.state)
        && kept(report.bundle.state)
        && report.secrets.iter().all(|secret| kept(secret.state))
}

/// The bundle is the cluster: a second one would lock out every node that has the first.
fn refusal(report: &Report) -> Failure {
    let missing = missing(report);
    let mut failure = Failure::message(
        Kind::Refused,
        format!(
            "`{}` exists already and is never replaced",
            report.bundle.file
        ),
    );
    if missing.is_empty() {
        failure = failure.hint(format!(
            "for a new cluster remove `{}` yourself; nodes that were made with it can then only be reset",
            report.bundle.file
        ));
    }
    missing.into_iter().fold(failure, Failure::hint)
}

/// Returns what was made, for people.
pub fn text(report: &Report) -> String {
    let mut lines = String::new();
    for (file, state) in report.files() {
        let state = match state {
            State::Made => "made",
            State::Kept => "kept",
            State::Missing => "missing",
        };
        lines.push_str(&[state, " ", file.as_str(), "\n"].concat());
    }
    lines
}

/// Returns what people should do next.
pub fn advice(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if report.key.is_some() {
        lines.push(format!(
            "Back up {AGE_KEY_FILE} now, outside this repository: nothing else opens these files."
        ));
        lines.push(format!(
            "Its public key is {}",
            report.recipients.join(", ")
        ));
    }
    lines.extend(missing(report));
    lines
}

fn missing(report: &Report) -> Vec<String> {
    let missing = report
        .secrets
        .iter()
        .filter(|secret| secret.state == State::Missing);
    missing
        .map(|secret| {
            format!(
                "{} needs a value: {}; run `homelab secrets init` on a terminal to enter it ({})",
                secret.component, secret.summary, secret.file
            )
        })
        .collect()
}
