//! The rules of many files, each `.sops.yaml` found and read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Config, ConfigError, CreationRule, Selection};

/// The rules of many files.
#[derive(Default)]
pub struct Rulebook {
    /// The one file to use for everything, if it was named.
    named: Option<PathBuf>,
    /// By the directory that was asked about.
    found: Mutex<BTreeMap<PathBuf, Found>>,
    /// By file.
    loaded: Mutex<BTreeMap<PathBuf, Result<Arc<Rules>, RulesError>>>,
}

type Found = Result<Option<Arc<Rules>>, RulesError>;

/// One `.sops.yaml`.
pub struct Rules {
    /// The file, as short as it can be said from here.
    pub file: Utf8PathBuf,
    /// What it says.
    pub config: Config,
}

/// Rules that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RulesError {
    /// They cannot be looked for.
    #[error("cannot look for the rules of `{file}`")]
    Find {
        /// The file whose rules were looked for.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// They cannot be read.
    #[error("`{file}` is wrong")]
    Read {
        /// The rules' file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: Arc<ConfigError>,
    },
}

impl Rulebook {
    /// Takes the rules of every file from the one that is named, as `sops` does when `SOPS_CONFIG` is
    /// set; an empty name is none.
    pub fn new(named: Option<OsString>) -> Self {
        let named = named.filter(|name| !name.is_empty()).map(PathBuf::from);
        Self {
            named,
            ..Self::default()
        }
    }

    /// Returns all rules that were read so far.
    pub fn all_loaded(&self) -> Vec<Arc<Rules>> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded
            .values()
            .filter_map(|rules| rules.clone().ok())
            .collect()
    }

    /// Returns the rules that hold for a file: of its directory or the nearest one above.
    pub fn rules_for(&self, file: &Utf8Path) -> Found {
        let failed = |source| RulesError::Find {
            file: file.to_owned(),
            source: Arc::new(source),
        };
        if let Some(named) = &self.named {
            return self.load(named.clone()).map(Some);
        }
        let absolute = std::path::absolute(file).map_err(failed)?;
        let directory = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.get(&directory) {
            return known.clone();
        }
        let rules = match Config::find(&absolute).map_err(failed)? {
            Some(path) => self.load(path).map(Some),
            None => Ok(None),
        };
        found.insert(directory, rules.clone());
        rules
    }

    fn load(&self, path: PathBuf) -> Result<Arc<Rules>, RulesError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = loaded.entry(path).or_insert_with_key(|path| {
            let file = shown(path);
            match Config::load(path) {
                Ok(config) => Ok(Arc::new(Rules { file, config })),
                Err(source) => Err(RulesError::Read {
                    file,
                    source: Arc::new(source),
                }),
            }
        });
        rules.clone()
    }
}

impl Rules {
    /// Returns the rule of a file; `None` when none matches.
    pub fn rule_for(&self, file: &Utf8Path) -> Option<&CreationRule> {
        self.config.rule_for(&std::path::absolute(file).ok()?)
    }
}

/// Names a selection as the rules do.
pub fn selection_text(selection: &Selection) -> String {
    match selection.as_field() {
        Some((field, text)) => format!("{field}: {text}"),
        None => "everything".to_owned(),
    }
}

/// A path as short as it can be said from here.
fn shown(path: &Path) -> Utf8PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(here).unwrap_or(path);
    Utf8PathBuf::from(path.to_string_lossy().into_owned())
}
