//! What the search for identities may look at.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::prompt::{Prompt, SharedPrompt};

/// The environment as a value: the search for identities sees nothing else.
///
/// ```
/// use sops_rs::{Environment, Identities};
///
/// // Nothing of this process: no variable, no home directory.
/// let identities = Identities::load(&Environment::default());
/// assert!(identities.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    home: Option<PathBuf>,
    repository: Option<PathBuf>,
    recipients: Vec<String>,
    prompt: SharedPrompt,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self {
            variables,
            home: etcetera::home_dir().ok(),
            ..Self::default()
        }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets the home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Sets the root of the repository, whose `.sops/age.key` is looked for.
    #[must_use]
    pub fn with_repository(mut self, root: impl Into<PathBuf>) -> Self {
        self.repository = Some(root.into());
        self
    }

    /// Adds a recipient that a key command is told of, in `SOPS_AGE_RECIPIENT`.
    #[must_use]
    pub fn with_recipient(mut self, recipient: impl Into<String>) -> Self {
        self.recipients.push(recipient.into());
        self
    }

    /// Sets how passphrases are asked for; without it nobody is asked.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Arc<dyn Prompt>) -> Self {
        self.prompt = SharedPrompt(prompt);
        self
    }

    /// Tells whether a command is asked for keys: what it prints may depend on the recipients.
    pub fn has_key_command(&self) -> bool {
        let mut commands = super::sources::COMMANDS.into_iter();
        commands.any(|name| self.variable(name).is_some())
    }

    /// Returns a variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// Returns all variables, for a command.
    pub(super) fn variables(&self) -> &BTreeMap<String, OsString> {
        &self.variables
    }

    pub(super) fn recipients(&self) -> &[String] {
        &self.recipients
    }

    pub(super) fn prompt(&self) -> &SharedPrompt {
        &self.prompt
    }

    /// The SSH keys that `sops` tries without being told.
    pub(super) fn ssh_keys(&self) -> Vec<PathBuf> {
        let keys = |home: &PathBuf| {
            let names = ["id_ed25519", "id_rsa"];
            names.map(|name| home.join(".ssh").join(name)).to_vec()
        };
        self.home.as_ref().map(keys).unwrap_or_default()
    }

    pub(super) fn repository_key(&self) -> Option<PathBuf> {
        self.repository
            .as_ref()
            .map(|root| root.join(".sops/age.key"))
    }

    /// The file `sops` reads without being told, by the rules of the operating system.
    pub(super) fn default_key(&self) -> Option<PathBuf> {
        self.configuration()
            .map(|directory| directory.join("sops/age/keys.txt"))
    }

    fn configuration(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.variable("AppData").map(PathBuf::from);
        }
        let stated = self.variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let usual = if cfg!(target_os = "macos") {
            "Library/Application Support"
        } else {
            ".config"
        };
        stated.or_else(|| self.home.as_deref().map(|home: &Path| home.join(usual)))
    }
}
