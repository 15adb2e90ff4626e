//! A repository's secrets, made once: key, rules, the cluster's bundle, what components expect.
//!
//! Every part that is there stays as it is, so an interrupted run is finished by the next one.

use std::io::ErrorKind;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::Serialize;
use sops_rs::{Config, ConfigError, Environment, Identities, Identity};

use super::age_key::{self, AGE_KEY_FILE, AgeKeyError};
use super::expected::{Ask, secret};
use super::git_access::{self, GitReport, HostKeys, Pages};
use super::open::unusable;
use super::removed::{RemovedFiles, refuse_removed};
use super::rules::{RULES_FILE, creation_rules};
use super::seal::Sealer;
use super::{OpenError, Opener, SealError};
use crate::catalog::{Catalog, ExpectedSecret, TemplateError, expected_secrets};
use crate::pki::{BundleProblem, CertificateError, DeployKeyError, Entropy, SecretsBundle};
use crate::render::bootstrap::GIT_CREDENTIALS;
use crate::render::talos::BUNDLE_PATH;
use crate::spec::Cluster;
use crate::spec::cluster::{GitAuth, GitOps};
use crate::store::{CreateError, Readers, create};

/// What the secrets of a repository are made from.
pub struct Setup<'a> {
    /// The repository's root.
    pub root: &'a Utf8Path,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The catalogue.
    pub catalog: &'a Catalog,
    /// Where keys are looked for.
    pub environment: Environment,
    /// The time of day.
    pub now: Timestamp,
    /// Where random bytes come from.
    pub entropy: &'a mut dyn Entropy,
    /// Asks a person.
    pub ask: &'a mut Ask<'a>,
    /// The bundle of a cluster that exists, in place of a new one.
    pub bundle: Option<SecretsBundle>,
    /// Says by which keys a Git host proves itself.
    pub host_keys: &'a HostKeys<'a>,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The private key that was made; absent when there was one already.
    pub key: Option<Made>,
    /// The public halves of the keys at hand.
    pub recipients: Vec<String>,
    /// Whether the spec names one of them, so that files are encrypted for it from now on.
    pub recipient_in_spec: bool,
    /// The rules.
    pub rules: Made,
    /// The cluster's secrets bundle.
    pub bundle: Made,
    /// What the GitOps engine reads the repository with; absent for a public one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitReport>,
    /// Where its owner registers a deploy key and a webhook, where the URL tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// The Secrets that components expect.
    pub secrets: Vec<SecretReport>,
}

/// A file and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// What became of it.
    pub state: State,
}

/// A Secret that a component expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretReport {
    /// The component.
    pub component: String,
    /// What the Secret is for.
    pub summary: String,
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// What became of it.
    pub state: State,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was made.
    Made,
    /// It was there and stays as it was.
    Kept,
    /// It is not there: somebody must enter a value.
    Missing,
}

/// Why the secrets of a repository cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Git has files that are missing.
    #[error(transparent)]
    Removed(#[from] RemovedFiles),
    /// There are keys, but none can be used.
    #[error("no age key can be used: {}", .0.join("; "))]
    Keys(Vec<String>),
    /// The key cannot be made.
    #[error(transparent)]
    AgeKey(#[from] AgeKeyError),
    /// The rules cannot be read.
    #[error("cannot read `{RULES_FILE}`")]
    ReadRules(#[source] std::io::Error),
    /// The rules are wrong.
    #[error("`{RULES_FILE}` is wrong")]
    Rules(#[source] Box<ConfigError>),
    /// A new file cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The bundle cannot be made.
    #[error("cannot make the cluster's secrets")]
    Bundle(#[from] CertificateError),
    /// The given bundle cannot make a cluster.
    #[error("the recovered bundle is not usable: {}", problems(.0))]
    Unusable(Vec<BundleProblem>),
    /// Another bundle is there.
    #[error("`{BUNDLE_PATH}` exists already and holds another cluster's secrets")]
    OtherBundle,
    /// The bundle that is there does not open, so that it cannot be compared.
    #[error("`{BUNDLE_PATH}` exists already and does not open")]
    Compare(#[source] Box<OpenError>),
    /// The deploy key cannot be made.
    #[error(transparent)]
    DeployKey(#[from] DeployKeyError),
    /// A file cannot be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What components expect cannot be told.
    #[error("cannot tell which secrets components expect")]
    Expected(#[from] TemplateError),
}

fn problems(problems: &[BundleProblem]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

impl Report {
    /// Iterates over every file and what became of it.
    pub fn files(&self) -> impl Iterator<Item = (&Utf8Path, State)> {
        let key = self.key.iter();
        let made = key
            .chain([&self.rules, &self.bundle])
            .map(|made| (made.file.as_path(), made.state));
        let git = self.git.iter().map(|git| (git.file.as_path(), git.state));
        let secrets = self
            .secrets
            .iter()
            .map(|secret| (secret.file.as_path(), secret.state));
        made.chain(git).chain(secrets)
    }
}

impl Setup<'_> {
    /// Makes what is missing. Nothing is written before it is certain that everything can be opened
    /// again with a key at hand.
    pub fn run(mut self) -> Result<Report, SetupError> {
        let expected = expected_secrets(self.cluster, self.catalog)?;
        refuse_removed(self.root, &self.files(&expected))?;
        let environment = self.environment.clone().with_repository(self.root);
        let mut identities = Identities::load(&environment);
        let new_key = public(&identities).is_empty().then(Identity::generate);
        if let Some(identity) = &new_key {
            let mut problems = identities.problems().iter();
            if problems.any(|problem| !problem.is_warning()) {
                return Err(SetupError::Keys(unusable(&identities)));
            }
            identities = Identities::from(identity.clone());
        }
        let (rules_text, new_rules) = self.rules(&identities)?;
        let rules = Config::parse(&rules_text, Path::new(""))
            .map_err(|source| SetupError::Rules(Box::new(source)))?;
        let sealer = Sealer {
            root: self.root,
            rules: &rules,
            identities: &identities,
        };
        let secrets = expected.iter().map(|secret| secret.file.as_path());
        for file in [BUNDLE_PATH, GIT_CREDENTIALS]
            .map(Utf8Path::new)
            .into_iter()
            .chain(secrets)
        {
            let rule = sealer.rule(file);
            rule.map_err(|error| {
                if new_key.is_some() {
                    error.without_key()
                } else {
                    error
                }
            })?;
        }
        self.check_bundle(environment)?;
        if let Some(identity) = &new_key {
            age_key::write(self.root, identity)?;
        }
        if new_rules {
            create(
                self.root,
                Utf8Path::new(RULES_FILE),
                rules_text.as_bytes(),
                Readers::All,
            )?;
        }
        self.make(&sealer, &expected, new_key.is_some(), new_rules)
    }

    /// Every file that may be made, but for a bundle that is given.
    fn files<'a>(&self, expected: &'a [ExpectedSecret]) -> Vec<&'a Utf8Path> {
        let GitOps::Flux(flux) = &self.cluster.gitops;
        let made = [
            (RULES_FILE, true),
            (BUNDLE_PATH, self.bundle.is_none()),
            (GIT_CREDENTIALS, flux.auth != GitAuth::None),
        ];
        let made = made.into_iter().filter(|(_, is_made)| *is_made);
        made.map(|(file, _)| Utf8Path::new(file))
            .chain(expected.iter().map(|secret| secret.file.as_path()))
            .collect()
    }

    /// Makes what is encrypted.
    fn make(
        &mut self,
        sealer: &Sealer<'_>,
        expected: &[ExpectedSecret],
        new_key: bool,
        new_rules: bool,
    ) -> Result<Report, SetupError> {
        let bundle = bundle(sealer, self.bundle.take(), self.now, self.entropy)?;
        let git = self.git(sealer)?;
        let secrets = expected
            .iter()
            .map(|expected| component(sealer, expected, self.entropy, self.ask))
            .collect::<Result<_, _>>()?;
        let recipients = public(sealer.identities);
        let named = |recipient| self.cluster.secrets.recipients.contains(recipient);
        let made = |file: &str, is_new| Made {
            file: file.into(),
            state: if is_new { State::Made } else { State::Kept },
        };
        let GitOps::Flux(flux) = &self.cluster.gitops;
        Ok(Report {
            recipient_in_spec: recipients.iter().any(named),
            recipients,
            key: new_key.then(|| made(AGE_KEY_FILE, true)),
            rules: made(RULES_FILE, new_rules),
            bundle,
            git,
            pages: git_access::pages(&flux.url),
            secrets,
        })
    }

    /// Fails for a given bundle that cannot be taken, before anything is written.
    fn check_bundle(&self, environment: Environment) -> Result<(), SetupError> {
        let Some(given) = &self.bundle else {
            return Ok(());
        };
        let mut problems = given.problems(self.now);
        problems.retain(|problem| !problem.is_warning());
        if !problems.is_empty() {
            return Err(SetupError::Unusable(problems));
        }
        if !self.root.join(BUNDLE_PATH).exists() {
            return Ok(());
        }
        let opener = Opener::new(self.root, environment);
        let own = opener
            .bundle(self.now)
            .map_err(|source| SetupError::Compare(Box::new(source)))?;
        if own.bundle.to_document() == given.to_document() {
            Ok(())
        } else {
            Err(SetupError::OtherBundle)
        }
    }

    /// Makes what the GitOps engine reads the repository with.
    fn git(&mut self, sealer: &Sealer<'_>) -> Result<Option<GitReport>, SetupError> {
        let GitOps::Flux(flux) = &self.cluster.gitops;
        let Some(mut report) = git_access::report(flux, GIT_CREDENTIALS) else {
            return Ok(None);
        };
        if self.root.join(GIT_CREDENTIALS).exists() {
            report.state = State::Kept;
            return Ok(Some(report));
        }
        let made = git_access::credentials(
            &mut report,
            self.cluster.name.as_str(),
            self.entropy,
            self.ask,
            self.host_keys,
        )?;
        if let Some(document) = made {
            sealer.seal(Utf8Path::new(GIT_CREDENTIALS), &document)?;
            report.state = State::Made;
        }
        Ok(Some(report))
    }

    /// Returns the text of the rules, and whether they are new: for everybody whom the spec names, and
    /// for the keys at hand when it names none of them.
    fn rules(&self, identities: &Identities) -> Result<(String, bool), SetupError> {
        match fs_err::read_to_string(self.root.join(RULES_FILE)) {
            Ok(text) => Ok((text, false)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut recipients = self.cluster.secrets.recipients.clone();
                let ours = public(identities);
                if !recipients.iter().any(|recipient| ours.contains(recipient)) {
                    recipients.extend(ours);
                }
                Ok((creation_rules(&recipients), true))
            }
            Err(error) => Err(SetupError::ReadRules(error)),
        }
    }
}

fn bundle(
    sealer: &Sealer<'_>,
    given: Option<SecretsBundle>,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Made, SetupError> {
    let file = Utf8Path::new(BUNDLE_PATH);
    let state = if sealer.root.join(file).exists() {
        State::Kept
    } else {
        let bundle = match given {
            Some(given) => given,
            None => SecretsBundle::generate(now, entropy)?,
        };
        sealer.seal(file, &bundle.to_document())?;
        State::Made
    };
    Ok(Made {
        file: file.to_owned(),
        state,
    })
}

fn component(
    sealer: &Sealer<'_>,
    expected: &ExpectedSecret,
    entropy: &mut dyn Entropy,
    ask: &mut Ask<'_>,
) -> Result<SecretReport, SetupError> {
    let state = if sealer.root.join(&expected.file).exists() {
        State::Kept
    } else if let Some(document) = secret(expected, entropy, ask) {
        sealer.seal(&expected.file, &document)?;
        State::Made
    } else {
        State::Missing
    };
    Ok(SecretReport {
        component: expected.component.clone(),
        summary: expected.declaration.summary.clone(),
        file: expected.file.clone(),
        state,
    })
}

/// The public halves of the keys that a cluster can have, too: an SSH key of this machine is
/// nothing that Flux could use.
fn public(identities: &Identities) -> Vec<String> {
    let loaded = identities.iter();
    let ours = loaded.filter(|loaded| loaded.identity.to_text().is_some());
    ours.filter_map(|loaded| Some(loaded.identity.recipient()?.to_string()))
        .collect()
}
