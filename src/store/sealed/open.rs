//! Opening encrypted files into memory.

use std::io::ErrorKind;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sops_rs::{
    DecryptError, EncryptedFile, Environment, Format, Identities, IdentityOrigin, MasterKey,
};

use super::{BundleFinding, Sources};
use crate::model::Secret;
use crate::pki::ParseBundleError;
use crate::render::reference::{ParseSecretRefError, references};
use crate::render::talos::BUNDLE_PATH;
use crate::yaml;

/// The encrypted files of a repository, and the keys at hand.
pub struct Opener {
    root: Utf8PathBuf,
    identities: Identities,
}

/// Why an encrypted file does not open. Keys are named by their public halves.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no `{0}`")]
    Missing(Utf8PathBuf),
    /// It lies outside the repository.
    #[error("`{0}` does not lie in this repository")]
    Outside(Utf8PathBuf),
    /// It cannot be read.
    #[error("cannot read `{file}`")]
    Read {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No key at hand opens it, or it is damaged.
    #[error("cannot decrypt `{file}`")]
    Decrypt {
        /// The file.
        file: Utf8PathBuf,
        /// For whom it is encrypted.
        recipients: Vec<String>,
        /// The public halves of the keys at hand, each with its place.
        identities: Vec<String>,
        /// Keys that could not be used, each with its place and the reason.
        unusable: Vec<String>,
        /// Why.
        #[source]
        source: Box<DecryptError>,
    },
    /// Its content is not YAML.
    #[error("the content of `{0}` is not YAML")]
    Content(Utf8PathBuf),
    /// It is no secrets bundle.
    #[error("`{BUNDLE_PATH}` is not a secrets bundle")]
    Bundle(#[source] ParseBundleError),
    /// The bundle cannot make a cluster.
    #[error("the secrets bundle makes no cluster: {}", list(.0))]
    Unusable(Vec<BundleFinding>),
    /// A reference has another form.
    #[error(transparent)]
    Reference(#[from] ParseSecretRefError),
}

impl OpenError {
    /// Says what is wrong with the file itself; `None` when another key would open it.
    pub fn damage(&self) -> Option<String> {
        match self {
            Self::Decrypt { source, .. } => match source.as_ref() {
                DecryptError::Key(_) => None,
                damage => Some(damage.to_string()),
            },
            other => Some(other.to_string()),
        }
    }
}

fn list(findings: &[BundleFinding]) -> String {
    let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
    findings.join("; ")
}

impl Opener {
    /// Finds the keys at hand: where `sops` looks for them, and the repository's own.
    pub fn new(root: &Utf8Path, environment: Environment) -> Self {
        let environment = environment.with_repository(root);
        Self {
            root: root.to_owned(),
            identities: Identities::load(&environment),
        }
    }

    /// Returns a way to the same files with one key alone: what its holder could open.
    #[must_use]
    pub fn only(&self, key: &str) -> Self {
        let mut identities = Identities::default();
        identities.add_text(key, &IdentityOrigin::Given);
        Self {
            root: self.root.clone(),
            identities,
        }
    }

    /// Returns the keys at hand.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Tells whether there is a file of this path, relative to the repository's root.
    pub fn has(&self, file: &Utf8Path) -> bool {
        self.root.join(file).exists()
    }

    /// Returns the repository's root.
    pub(super) fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Opens a file, given relative to the repository's root.
    pub fn open(&self, file: &Utf8Path) -> Result<Secret<String>, OpenError> {
        let text = self.text(file)?;
        let encrypted = EncryptedFile::parse(Format::Yaml, &text)
            .map_err(|source| self.refusal(file, None, source))?;
        let opened = encrypted
            .decrypt(&self.identities)
            .map_err(|source| self.refusal(file, Some(&encrypted), source))?;
        let text = opened.document.to_bytes();
        Ok(Secret::new(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Reads a file as it lies there, given relative to the repository's root.
    pub(super) fn text(&self, file: &Utf8Path) -> Result<String, OpenError> {
        let inside = |part| matches!(part, Utf8Component::Normal(_) | Utf8Component::CurDir);
        if !file.components().all(inside) {
            return Err(OpenError::Outside(file.to_owned()));
        }
        fs_err::read_to_string(self.root.join(file)).map_err(|source| {
            let file = file.to_owned();
            match source.kind() {
                ErrorKind::NotFound => OpenError::Missing(file),
                _ => OpenError::Read { file, source },
            }
        })
    }

    /// Opens every file that the documents refer to.
    pub fn sources(&self, documents: &[Value]) -> Result<Sources, OpenError> {
        let mut sources = Sources::default();
        for reference in references(documents)? {
            let file = Utf8PathBuf::from(reference.file);
            if !sources.contains(&file) {
                let text = self.open(&file)?;
                // The parser's own words may quote the line it stopped at.
                let content =
                    yaml::parse(text.expose()).map_err(|_| OpenError::Content(file.clone()))?;
                sources.insert(file, content);
            }
        }
        Ok(sources)
    }

    fn refusal(
        &self,
        file: &Utf8Path,
        encrypted: Option<&EncryptedFile>,
        source: DecryptError,
    ) -> OpenError {
        OpenError::Decrypt {
            file: file.to_owned(),
            recipients: encrypted.map(recipients).unwrap_or_default(),
            identities: public_halves(&self.identities),
            unusable: unusable(&self.identities),
            source: Box::new(source),
        }
    }
}

/// Names the keys at hand by their public halves and places.
pub(super) fn public_halves(identities: &Identities) -> Vec<String> {
    let named = identities
        .iter()
        .map(|loaded| format!("{} from {}", loaded.identity.public_part(), loaded.origin));
    named.collect()
}

/// Names the keys that could not be used.
pub(super) fn unusable(identities: &Identities) -> Vec<String> {
    let problems = identities.problems().iter();
    problems
        .filter(|problem| !problem.is_warning())
        .map(ToString::to_string)
        .collect()
}

fn recipients(file: &EncryptedFile) -> Vec<String> {
    let keys = file
        .metadata()
        .key_groups
        .iter()
        .flat_map(|group| &group.keys);
    keys.filter_map(|key| match key {
        MasterKey::Age { recipient, .. } => Some(recipient.clone()),
        _ => None,
    })
    .collect()
}
