//! The cluster's secrets bundle as it lies in a repository: opened, judged, and what is wrong with it
//! said at the line where it stands.

use std::fmt;

use camino::Utf8Path;
use jiff::Timestamp;
use serde_json::Value;

use super::known_cluster::KnownCluster;
use super::{OpenError, Opener};
use crate::pki::SecretsBundle;
use crate::pki::bundle::{self, BundleProblem};
use crate::render::talos::BUNDLE_PATH;
use crate::yaml;

/// A bundle that can make a cluster.
pub struct OpenBundle {
    /// The bundle.
    pub bundle: SecretsBundle,
    /// What its owner must know all the same.
    pub warnings: Vec<BundleFinding>,
}

/// Something about the bundle's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFinding {
    /// The line, counted from 1; of the nearest entry that is there.
    pub line: usize,
    /// What it is.
    pub problem: BundleProblem,
}

impl Opener {
    /// Opens the cluster's secrets bundle and checks that it can make a cluster now: the one that this
    /// repository is known to run, where it is known.
    pub fn bundle(&self, now: Timestamp) -> Result<OpenBundle, OpenError> {
        let file = Utf8Path::new(BUNDLE_PATH);
        let opened = self.open(file)?;
        let content = yaml::parse(opened.expose()).map_err(|_| OpenError::Content(file.into()))?;
        let known = KnownCluster::read(self.root())?;
        let findings = findings(&self.text(file)?, &content, known.as_ref(), now);
        let (warnings, errors): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| finding.problem.is_warning());
        if !errors.is_empty() {
            return Err(OpenError::Unusable(errors));
        }
        let bundle = SecretsBundle::parse(opened.expose()).map_err(OpenError::Bundle)?;
        Ok(OpenBundle { bundle, warnings })
    }

    /// Checks the bundle as far as it can be read here: without a key only for entries that lack.
    /// Returns what its owner must know although it makes a cluster.
    pub fn check_bundle(&self, now: Timestamp) -> Result<Vec<BundleFinding>, OpenError> {
        match self.bundle(now) {
            Ok(open) => Ok(open.warnings),
            Err(OpenError::Missing(_)) => Ok(Vec::new()),
            Err(OpenError::Decrypt { .. }) => {
                let file = Utf8Path::new(BUNDLE_PATH);
                let text = self.text(file)?;
                let content = yaml::parse(&text).map_err(|_| OpenError::Content(file.into()))?;
                match bundle::missing(&content) {
                    none if none.is_empty() => Ok(Vec::new()),
                    missing => Err(OpenError::Unusable(placed(&text, missing))),
                }
            }
            Err(other) => Err(other),
        }
    }
}

/// Returns everything about the bundle that its owner must know: `text` is its file, `content` what
/// was opened of it.
pub(super) fn findings(
    text: &str,
    content: &Value,
    known: Option<&KnownCluster>,
    now: Timestamp,
) -> Vec<BundleFinding> {
    let mut problems = bundle::problems(content, now);
    problems.extend(known.and_then(|known| known.contradiction(content)));
    placed(text, problems)
}

fn placed(text: &str, problems: Vec<BundleProblem>) -> Vec<BundleFinding> {
    let place = |problem: BundleProblem| BundleFinding {
        line: line(text, problem.path()),
        problem,
    };
    problems.into_iter().map(place).collect()
}

/// The line of an entry, or else of what it belongs to. The keys of an encrypted file can be read.
fn line(text: &str, path: &str) -> usize {
    let keys: Vec<_> = path.split('.').map(yaml::Step::Key).collect();
    let depths = (1..=keys.len()).rev();
    let mut lines = depths.filter_map(|depth| yaml::line_of(text, 0, keys.get(..depth)?));
    lines.next().unwrap_or(1)
}

impl BundleFinding {
    /// Returns what to do about it.
    pub fn remedy(&self) -> String {
        let path = self.problem.path();
        match &self.problem {
            BundleProblem::TwoEncryptionSecrets { .. } => format!(
                "keep the one that a control plane's configuration has: `homelab secrets edit {BUNDLE_PATH}`"
            ),
            BundleProblem::KeyKind { .. } => format!(
                "put the RSA or ECDSA key of this cluster in its place: `homelab secrets edit {BUNDLE_PATH}`"
            ),
            BundleProblem::Ended { .. } | BundleProblem::EndsSoon { .. } => format!(
                "rotate the authority on the machines (`talosctl rotate-ca`), then put the new one into the file: \
                 `homelab secrets edit {BUNDLE_PATH}`"
            ),
            BundleProblem::NotYet { .. } => {
                "compare this computer's clock with the time of day".to_owned()
            }
            BundleProblem::OtherCluster { .. } => KnownCluster::remedy(),
            _ => format!(
                "take `{path}` from a backup or from Git's history of the file; or move the file away and recover it \
                 from a control plane: `homelab secrets init --from-controlplane-config FILE`"
            ),
        }
    }
}

impl fmt::Display for BundleFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BUNDLE_PATH}:{}: {}", self.line, self.problem)
    }
}
