//! `homelab secrets init`.

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::Environment;
use zeroize::Zeroizing;

use super::answers::{Answers, CommandSource, Source};
use super::host_keys;
use crate::catalog::Catalog;
use crate::cli::commands::Outcome;
use crate::cli::load::load;
use crate::cli::sealed::setup_failure;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::model::{Clock as _, SystemClock};
use crate::pki::{RecoverError, SecretsBundle, SystemEntropy};
use crate::spec::Cluster;
use crate::spec::cluster::GitAuth;
use crate::store::read_from;
use crate::store::sealed::{AGE_KEY_FILE, GitReport, Pages, Report, SecretReport, Setup, State};

const ABOUT: &str = "\
Makes what is missing, never over what is there: an age key (.sops/age.key), encryption rules \
(.sops.yaml), the cluster's secrets bundle (infrastructure/talos/secrets.sops.yaml), what Flux reads \
the Git repository with, and the secrets that components expect. Random ones are generated; others are \
asked for on a terminal, or read from the files and commands that are named.

For ssh:// repositories a deploy key is made, and the page is named where its public half is to be \
registered. Flux must know the Git host's own key: that of github.com is known, others are taken from \
--known-hosts or from what your SSH knows already.";

const EXAMPLES: &str = "\
Examples:
  homelab secrets init
  homelab secrets init --from-file cert-manager/cloudflare-api-token/api-token=token.txt
  pass cloudflare | homelab secrets init --from-file cert-manager/cloudflare-api-token/api-token=-
  homelab secrets init --from-command 'cert-manager/cloudflare-api-token/api-token=pass cloudflare'
  homelab secrets init --from-controlplane-config controlplane.yaml    the cluster runs already
  homelab secrets init --output json | jq -r '.secrets[] | select(.state == \"missing\") | .file'";

/// Arguments of `homelab secrets init`.
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub struct InitArgs {
    /// Take a value from this file instead of asking for it, `-` for standard input; a newline at its
    /// end is no part of it. May be repeated.
    #[arg(long, value_name = "COMPONENT/SECRET/KEY=FILE")]
    from_file: Vec<Source>,
    /// Take a value from what this command prints, run without a shell; a newline at its end is no part
    /// of it. May be repeated.
    #[arg(long, value_name = "COMPONENT/SECRET/KEY=COMMAND")]
    from_command: Vec<CommandSource>,
    /// Take the cluster's secrets from the machine configuration of one of its control planes instead of
    /// making new ones; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    from_controlplane_config: Option<Utf8PathBuf>,
    /// A file in the form of SSH's known_hosts that has the key of the Git host.
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<Utf8PathBuf>,
}

/// Makes what is missing.
pub fn run(context: &Context, args: InitArgs) -> Outcome {
    let (cluster, catalog) = load(context)?;
    let mut wanted = Wanted {
        answers: Answers::read(args.from_file, args.from_command, &cluster, &catalog)?,
        bundle: None,
        known_hosts: args.known_hosts,
    };
    if let Some(file) = &args.from_controlplane_config {
        wanted.bundle = Some(recovered(file)?);
    }
    let report = make(&context.settings.root, &cluster, &catalog, &mut wanted)?;
    warn_of_unused(context, &wanted.answers);
    let nothing_made = nothing_made(&report);
    if nothing_made && !missing(&report).is_empty() {
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
    if nothing_made {
        context.ui.note("nothing to do");
    }
    Ok(ExitStatus::Done)
}

/// Values that were given for what is there already.
fn warn_of_unused(context: &Context, answers: &Answers) {
    for name in answers.unused() {
        context.ui.warning(&format!(
            "the value given for `{name}` is not used: its file is there already and stays as it is; \
             `homelab secrets set` changes it"
        ));
    }
}

/// What somebody wants to be made otherwise than by itself.
#[derive(Default)]
pub struct Wanted {
    /// Values that are known.
    pub answers: Answers,
    /// The bundle of a cluster that exists.
    pub bundle: Option<SecretsBundle>,
    /// A file with the key of the Git host.
    pub known_hosts: Option<Utf8PathBuf>,
}

/// Makes what is missing of a repository's secrets.
pub fn make(
    root: &Utf8Path,
    cluster: &Cluster,
    catalog: &Catalog,
    wanted: &mut Wanted,
) -> Result<Report, Failure> {
    let Wanted {
        answers,
        bundle,
        known_hosts,
    } = wanted;
    let known = known_hosts.as_deref().map(host_keys::read).transpose()?;
    let setup = Setup {
        root,
        cluster,
        catalog,
        environment: Environment::of_process(),
        now: SystemClock.now(),
        entropy: &mut SystemEntropy,
        ask: &mut |question| answers.answer(question),
        bundle: bundle.take(),
        host_keys: &|host| host_keys::of(host, known.as_deref()),
    };
    setup.run().map_err(setup_failure)
}

/// The bundle in a control plane's configuration.
fn recovered(file: &Utf8Path) -> Result<SecretsBundle, Failure> {
    let text = if file == "-" {
        read_from(
            &mut std::io::stdin().lock(),
            Utf8Path::new("standard input"),
        )?
    } else {
        Zeroizing::new(fs_err::read(file)?)
    };
    let text = std::str::from_utf8(&text)
        .map_err(|_| Failure::message(Kind::Failed, format!("`{file}` is not UTF-8 text")))?;
    SecretsBundle::from_control_plane_config(text).map_err(|error| {
        let redacted = matches!(error, RecoverError::Redacted { .. });
        let error = anyhow::Error::new(error).context(format!("no bundle comes out of `{file}`"));
        let failure = Failure::new(Kind::Failed, error);
        if redacted {
            failure.hint("take the configuration as the machine holds it: `talosctl -n NODE get machineconfig -o yaml`")
        } else {
            failure
        }
    })
}

fn nothing_made(report: &Report) -> bool {
    let kept = |state: State| state != State::Made;
    kept(report.rules.state)
        && kept(report.bundle.state)
        && report.git.as_ref().is_none_or(|git| kept(git.state))
        && report.secrets.iter().all(|secret| kept(secret.state))
}

/// The bundle is the cluster: a second one would lock out every node that has the first.
fn refusal(report: &Report) -> Failure {
    let failure = Failure::message(
        Kind::Refused,
        format!(
            "`{}` exists already and is never replaced",
            report.bundle.file
        ),
    );
    missing(report).into_iter().fold(failure, Failure::hint)
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
    lines.extend(git_advice(report));
    lines.extend(missing(report));
    lines
}

/// The file of the secret that a Git host signs its webhooks with.
const WEBHOOK_FILE: &str = "git-webhook.sops.yaml";

/// Where to register what was made for Git.
fn git_advice(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let git = report.git.as_ref();
    let page = |page: fn(&Pages) -> &String| match &report.pages {
        Some(pages) => page(pages).clone(),
        None => "the repository's settings".to_owned(),
    };
    if let Some(key) = git.and_then(|git| git.public_key.as_ref()) {
        lines.push(format!(
            "Register this deploy key, for reading only, at {} (GitHub, Gitea, Forgejo):\n  {key}",
            page(|pages| &pages.deploy_keys)
        ));
    }
    let made = |secret: &&SecretReport| secret.state == State::Made;
    let mut made = report.secrets.iter().filter(made);
    if let Some(webhook) = made.find(|secret| secret.file.file_name() == Some(WEBHOOK_FILE)) {
        lines.push(format!(
            "Register a webhook for pushes at {}, content type application/json:\n  \
             its secret is what `homelab secrets get {} stringData.token` prints;\n  \
             its address leads to the service `webhook-receiver` in flux-system, with the path that `kubectl -n \
             flux-system get receiver git -o jsonpath={{.status.webhookPath}}` prints once Flux runs",
            page(|pages| &pages.webhooks),
            webhook.file,
        ));
    }
    lines
}

fn missing(report: &Report) -> Vec<String> {
    let git = report.git.as_ref();
    let git = git.filter(|git| git.state == State::Missing);
    let mut lines: Vec<String> = git.into_iter().map(missing_git).collect();
    lines.extend(missing_secrets(report));
    lines
}

fn missing_git(git: &GitReport) -> String {
    let GitReport { host, file, .. } = git;
    match git.auth {
        GitAuth::Ssh => format!(
            "Flux must know the key of `{host}`: run `ssh-keyscan {host} > known_hosts`, compare it with what its \
             owner publishes, and run `homelab secrets init --known-hosts known_hosts` ({file})"
        ),
        _ => format!(
            "Flux needs a token to read the repository: run `homelab secrets init` on a terminal to enter it, or with \
             `--from-file` ({file})"
        ),
    }
}

fn missing_secrets(report: &Report) -> Vec<String> {
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
