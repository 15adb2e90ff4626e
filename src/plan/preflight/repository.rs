//! What must be right on this computer and in Git before a machine is touched.

use super::super::observed::{Git, Observed, SecretsState, Tree, Unreadable};
use super::super::refusal::{Fence, Refusal};
use super::super::symptom::is_unmapped;
use super::{Findings, GIT_CREDENTIALS, Life};
use crate::spec::Placeholder;

/// The way on where there is no bundle. New secrets do not fit machines that run already.
pub const NO_BUNDLE_REMEDY: &str = "run `homelab secrets init` to make the secrets of a new cluster; those of one that exists come back from Git, \
     a backup or a control plane (`homelab secrets init --from-controlplane-config FILE`)";

pub(super) fn check(observed: &Observed, life: Life, findings: &mut Findings) {
    files(observed, findings);
    let findings_of_git = git_finding(&observed.git);
    let left = observed.placeholders.iter().map(placeholder);
    for finding in findings_of_git.into_iter().chain(left) {
        // A cluster that runs got over it.
        match life {
            Life::New => findings.refusals.push(finding),
            Life::Running => findings.warnings.push(finding.message),
        }
    }
}

fn placeholder(left: &Placeholder) -> Refusal {
    Refusal::new(
        Fence::Placeholder,
        format!(
            "homelab.yaml:{}: `{}` is still the preset's: `{}`",
            left.line, left.path, left.value
        ),
        "write your own there, then run `homelab render`, commit and push",
    )
}

pub(super) fn files(observed: &Observed, findings: &mut Findings) {
    if let Tree::Stale(paths) = &observed.tree {
        let first = paths.first().map(|path| format!(", first `{path}`"));
        findings.refusals.push(Refusal::new(
            Fence::TreeStale,
            format!(
                "the files on disk are not what homelab.yaml renders: {} differ{}",
                paths.len(),
                first.unwrap_or_default()
            ),
            "run `homelab render`, review, commit and push",
        ));
    }
    match &observed.secrets {
        SecretsState::Missing(path) => findings.refusals.push(Refusal::new(
            Fence::BundleMissing,
            format!("there is no secrets bundle at `{path}`"),
            NO_BUNDLE_REMEDY,
        )),
        SecretsState::Open {
            unreadable,
            missing,
            age_key,
            git_credentials,
            ..
        } => {
            if !age_key {
                findings.refusals.push(no_age_key());
            }
            if !git_credentials {
                findings.refusals.push(no_git_credentials());
            }
            for path in missing {
                findings.refusals.push(Refusal::new(
                    Fence::SecretMissing,
                    format!("there is no `{path}`, which a component expects"),
                    "run `homelab secrets init`: it asks on a terminal for what is missing, or takes it `--from-file`",
                ));
            }
            findings.refusals.extend(unreadable.iter().map(not_opened));
        }
    }
}

fn not_opened(unreadable: &Unreadable) -> Refusal {
    let Unreadable { file, damage } = unreadable;
    match damage {
        Some(damage) => Refusal::new(
            Fence::KeyMismatch,
            format!("`{file}` is damaged, no key opens it whole: {damage}"),
            format!("take `{file}` back from Git's history or a backup"),
        ),
        None => Refusal::new(
            Fence::KeyMismatch,
            format!("the age key that the cluster will get does not open `{file}`"),
            format!("encrypt `{file}` for its public key, or bring the right key"),
        ),
    }
}

fn no_age_key() -> Refusal {
    Refusal::new(
        Fence::KeyMismatch,
        "no private age key at hand belongs to a recipient of homelab.yaml: the cluster could not open its own files",
        "put the key into `.sops/age.key`, or name its file in SOPS_AGE_KEY_FILE",
    )
}

fn no_git_credentials() -> Refusal {
    Refusal::new(
        Fence::GitCredentialsMissing,
        format!("there is no `{GIT_CREDENTIALS}`, and the repository is not public"),
        "run `homelab secrets init`, which makes a deploy key and says where to register it, or asks for a token",
    )
}

pub(super) fn git_finding(git: &Git) -> Option<Refusal> {
    let refusal = |message: String, remedy: &str| Refusal::new(Fence::GitBehind, message, remedy);
    Some(match git {
        Git::Holds { .. } => return None,
        Git::Elsewhere { remote, local } => refusal(
            match &remote {
                Some(remote) => {
                    format!("the Git remote is at `{remote}`, this tree is commit `{local}`")
                }
                None => "the branch does not exist on the Git remote".to_owned(),
            },
            match remote {
                Some(_) => {
                    "pull what is there (`git pull --rebase`), render again, and push to the branch that the spec names; never by force"
                }
                None => "push this commit to the branch that the spec names",
            },
        ),
        Git::Uncommitted { paths } => refusal(
            format!("the working tree has {paths} changes that no commit holds"),
            "commit and push them: the cluster reads the remote, not this directory",
        ),
        Git::NoCommit { reason } => refusal(
            format!("this directory has no commit to compare with the Git remote: {reason}"),
            "run `git init`, commit the tree and push it to the URL that the spec names",
        ),
        Git::Unreachable { reason } if is_unmapped(reason) => refusal(
            format!("the Git remote cannot be read: {reason}"),
            "say in the file that `--connect-map` names where the remote is (`git`), or add its host to the targets",
        ),
        Git::Unreachable { reason } => refusal(
            format!("the Git remote cannot be read: {reason}"),
            "correct `gitops.flux.url` in homelab.yaml, or check your access with `git ls-remote`",
        ),
    })
}
