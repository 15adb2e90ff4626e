//! The private keys for many files, looked for once for each repository, and where a command prints
//! them, once for each set of recipients: that is what commands are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Environment, Identities};

use super::AGE_KEY_FILE;

/// The private keys for many files.
pub struct Keyring {
    environment: Environment,
    root: Utf8PathBuf,
    loaded: Mutex<BTreeMap<Question, Arc<Identities>>>,
}

/// What the keys depend on: the repository, and what a command is told.
type Question = (Utf8PathBuf, BTreeSet<String>);

impl Keyring {
    /// Looks for keys where the environment leads to; `root` is the repository of what lies in none.
    pub fn new(root: &Utf8Path, environment: Environment) -> Self {
        Self {
            environment,
            root: root.to_owned(),
            loaded: Mutex::default(),
        }
    }

    /// Returns every identity at hand for a file; `recipients` are told to key commands.
    pub fn identities<'a>(
        &self,
        file: Option<&Utf8Path>,
        recipients: impl Iterator<Item = &'a str>,
    ) -> Arc<Identities> {
        let repository = file.and_then(repository);
        let repository = repository.unwrap_or_else(|| self.root.clone());
        let told: Vec<&str> = if self.environment.has_key_command() {
            recipients.collect()
        } else {
            Vec::new()
        };
        let names = told.iter().map(|recipient| (*recipient).to_owned());
        let question = (repository, names.collect());
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let identities = loaded
            .entry(question)
            .or_insert_with_key(|(repository, _)| {
                let environment = self.environment.clone().with_repository(repository);
                let environment = told
                    .into_iter()
                    .fold(environment, Environment::with_recipient);
                Arc::new(Identities::load(&environment))
            });
        identities.clone()
    }

    /// Returns what was loaded so far.
    pub fn all_loaded(&self) -> Vec<Arc<Identities>> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.values().cloned().collect()
    }
}

/// The nearest directory above a file that holds a key.
fn repository(file: &Utf8Path) -> Option<Utf8PathBuf> {
    let absolute = camino::absolute_utf8(file).ok()?;
    let holds_key = |directory: &&Utf8Path| directory.join(AGE_KEY_FILE).exists();
    absolute
        .ancestors()
        .skip(1)
        .find(holds_key)
        .map(Utf8Path::to_owned)
}
