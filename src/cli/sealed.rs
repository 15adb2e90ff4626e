//! Encrypted files as commands meet them: with the keys of this process' environment, and with
//! failures that say which keys are at hand and what to do.

use jiff::Timestamp;
use sops_rs::Environment;

use super::{Context, Failure, Kind};
use crate::pki::SecretsBundle;
use crate::plan::NO_BUNDLE_REMEDY;
use crate::render::talos::BUNDLE_PATH;
use crate::store::sealed::{
    AGE_KEY_FILE, BundleFinding, OpenError, Opener, RemovedFiles, SealError, SetupError,
};

/// Returns the way to the repository's encrypted files.
pub fn opener(context: &Context) -> Opener {
    Opener::new(&context.settings.root, Environment::of_process())
}

/// Opens the cluster's secrets bundle; says what its owner must know although it makes a cluster.
pub fn bundle(
    context: &Context,
    opener: &Opener,
    now: Timestamp,
) -> Result<SecretsBundle, Failure> {
    let open = opener.bundle(now).map_err(open_failure)?;
    warn(context, &open.warnings);
    Ok(open.bundle)
}

/// Checks the bundle as far as it can be read here, for commands that need no key.
pub fn check_bundle(context: &Context, now: Timestamp) -> Result<(), Failure> {
    let warnings = opener(context).check_bundle(now).map_err(open_failure)?;
    warn(context, &warnings);
    Ok(())
}

fn warn(context: &Context, findings: &[BundleFinding]) {
    for finding in findings {
        context
            .ui
            .warning(&format!("{finding}; {}", finding.remedy()));
    }
}

/// Turns a file that does not open into a failure. A bundle that is not there is a refusal: nothing
/// secret is ever made in passing.
pub fn open_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Missing(ref file) if file == BUNDLE_PATH => {
            Failure::new(Kind::Refused, error).hint(NO_BUNDLE_REMEDY)
        }
        OpenError::Missing(_) => Failure::new(Kind::Refused, error).hint(
            "run `homelab secrets init` to make the secrets of a new cluster, or fetch the files of the one \
             that exists",
        ),
        OpenError::Decrypt {
            ref recipients,
            ref identities,
            ref unusable,
            ..
        } => {
            let hints = key_hints(recipients, identities, unusable);
            with_hints(Failure::new(Kind::Failed, error), hints)
        }
        OpenError::Unusable(findings) => unusable(&findings),
        other => Failure::new(Kind::Failed, other),
    }
}

/// Turns secrets that cannot be made into a failure.
pub fn setup_failure(error: SetupError) -> Failure {
    match error {
        SetupError::Seal(SealError::NotForUs {
            ref recipients,
            ref identities,
            ..
        }) => {
            let hints = key_hints(recipients, identities, &[]);
            with_hints(Failure::new(Kind::Refused, error), hints)
                .hint("or put your own public key into .sops.yaml and homelab.yaml")
        }
        SetupError::Removed(removed) => removed_failure(removed),
        SetupError::Keys(_) => Failure::new(Kind::Refused, error)
            .hint("mend the key, or take it from a backup; no second one is made in its place"),
        SetupError::OtherBundle => Failure::new(Kind::Refused, error).hint(
            "is this the repository of that cluster? A bundle is never replaced: the nodes that were made with it \
             could then only be reset",
        ),
        SetupError::Unusable(_) => Failure::new(Kind::Refused, error)
            .hint("take the machine configuration of a control plane of this cluster, whole and as it is"),
        SetupError::Compare(source) => open_failure(*source),
        other => Failure::new(Kind::Failed, other),
    }
}

/// Turns files that only Git still has into a failure.
pub fn removed_failure(error: RemovedFiles) -> Failure {
    let files: Vec<_> = error.0.iter().map(|file| file.as_str()).collect();
    let files = files.join(" ");
    Failure::new(Kind::Refused, error)
        .hint(format!(
            "run `git checkout HEAD -- {files}` to have them back; `git checkout -- {files}` where they are not \
             committed yet"
        ))
        .hint(
            "new ones would be other secrets: when that is meant, remove the old ones from Git first, and commit that",
        )
}

/// One finding is a message with its remedy; several stand below each other, each with its own.
fn unusable(findings: &[BundleFinding]) -> Failure {
    if let [only] = findings {
        return Failure::message(Kind::Refused, only).hint(only.remedy());
    }
    let items = findings
        .iter()
        .map(|finding| format!("\n  - {finding}\n    {}", finding.remedy()));
    let items: String = items.collect();
    let number = findings.len();
    let message = format!("the secrets bundle makes no cluster: {number} things are wrong{items}");
    Failure::message(Kind::Refused, message)
}

fn key_hints(recipients: &[String], identities: &[String], unusable: &[String]) -> Vec<String> {
    let mut hints = Vec::new();
    if !recipients.is_empty() {
        hints.push(format!("encrypted for {}", recipients.join(", ")));
    }
    hints.push(match identities {
        [] => "no age key is at hand".to_owned(),
        some => format!("keys at hand: {}", some.join(", ")),
    });
    if !unusable.is_empty() {
        hints.push(format!("not usable: {}", unusable.join("; ")));
    }
    hints.push(format!(
        "put the private key into `{AGE_KEY_FILE}`, or name its file in SOPS_AGE_KEY_FILE"
    ));
    hints
}

fn with_hints(failure: Failure, hints: Vec<String>) -> Failure {
    hints.into_iter().fold(failure, Failure::hint)
}
