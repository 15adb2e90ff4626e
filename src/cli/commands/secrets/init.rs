//! `homelab secrets init`.

use camino::Utf8Path;
use sops_rs::Environment;

use super::answers::{Answers, Source};
use crate::catalog::Catalog;
use crate::cli::commands::Outcome;
use crate::cli::load::load;
use crate::cli::sealed::setup_failure;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::model::{Clock as _, SystemClock};
use crate::pki::SystemEntropy;
use crate::spec::Cluster;
use crate::store::sealed::{AGE_KEY_FILE, Report, Setup, State};

const ABOUT: &str = "\
Makes what is missing, never over what is there: an age key (.sops/age.key), encryption rules \
(.sops.yaml), the cluster's secrets bundle (infrastructure/talos/secrets.sops.yaml), and the secrets \
that components expect. Random ones are generated; others are asked for on a terminal, or read from \
the files that --from-file names.";

const EXAMPLES: &str = "\
Examples:
  homelab secrets init
  homelab secrets init --from-file cert-manager/cloudflare-api-token/api-token=token.txt
  pass show cloudflare | homelab secrets init --from-file cert-manager/cloudflare-api-token/api-token=-
  homelab secrets init --output json | jq -r '.secrets[] | select(.state == \"missing\") | .file'";

/// Arguments of `homelab secrets init`.
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub struct InitArgs {
    /// Take a value from this file instead of asking for it, `-` for standard input; a newline at its
    /// end is no part of it. May be repeated.
    #[arg(long, value_name = "COMPONENT/SECRET/KEY=FILE")]
    from_file: Vec<Source>,
}

/// Makes what is missing.
pub fn run(context: &Context, args: InitArgs) -> Outcome {
    let (cluster, catalog) = load(context)?;
    let answers = Answers::read(args.from_file, &cluster, &catalog)?;
    let report = make(&context.settings.root, &cluster, &catalog, answers)?;
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

/// Makes what is missing of a repository's secrets.
pub fn make(
    root: &Utf8Path,
    cluster: &Cluster,
    catalog: &Catalog,
    mut answers: Answers,
) -> Result<Report, Failure> {
    let setup = Setup {
        root,
        cluster,
        catalog,
        environment: Environment::of_process(),
        now: SystemClock.now(),
        entropy: &mut SystemEntropy,
        ask: &mut |question| answers.answer(question),
    };
    setup.run().map_err(setup_failure)
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
                "{} needs a value: {}; run `homelab secrets init` on a terminal to enter it, or with `--from-file` ({})",
                secret.component, secret.summary, secret.file
            )
        })
        .collect()
}
