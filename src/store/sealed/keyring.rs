//! The private keys for many files, looked for once for each repository.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Environment, Identities};

use super::AGE_KEY_FILE;

/// The private keys for many files.
pub struct Keyring {
    environment: Environment,
    root: Utf8PathBuf,
    loaded: Mutex<BTreeMap<Utf8PathBuf, Arc<Identities>>>,
}

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
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let identities = loaded.entry(repository).or_insert_with_key(|repository| {
            let environment = self.environment.clone().with_repository(repository);
            let environment = recipients.fold(environment, Environment::with_recipient);
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
