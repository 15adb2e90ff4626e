//! What can be wrong with a `.sops.yaml`.

use std::path::PathBuf;

use super::fields::steps;
use super::{line_of, rule_steps};
use crate::go_regex::PatternError;
use crate::keys::RecipientError;
use crate::metadata::KeyKind;
use crate::parse_error::ParseError;
use crate::path::Step;
use crate::recipient_groups::RecipientGroupsError;
use crate::selection::SelectionError;

/// A `.sops.yaml` that cannot be used, for anything or for the file at hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] ParseError),
    /// Something is wrong in one place.
    #[error("line {line}")]
    At {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        #[source]
        error: Box<ConfigError>,
    },
    /// A field is not what it should be.
    #[error("`{field}` must be {expected}")]
    Field {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A `path_regex` does not compile.
    #[error("creation rule {rule}: `path_regex` is invalid")]
    Path {
        /// The rule, counted from 1.
        rule: usize,
        /// Why.
        #[source]
        source: PatternError,
    },
    /// The selection of values is contradictory or invalid.
    #[error("creation rule {rule} does not say clearly what to encrypt")]
    Selection {
        /// The rule, counted from 1.
        rule: usize,
        /// Why.
        #[source]
        source: SelectionError,
    },
    /// An age recipient cannot be used.
    #[error("creation rule {rule} names a key that cannot be used")]
    Recipient {
        /// The rule, counted from 1.
        rule: usize,
        /// Why.
        #[source]
        source: RecipientError,
    },
    /// A rule names keys of other kinds, which would not be able to open the file.
    #[error(
        "creation rule {rule} names keys that only `sops` can encrypt for: {}",
        list(kinds)
    )]
    Kind {
        /// The rule, counted from 1.
        rule: usize,
        /// Their kinds.
        kinds: Vec<KeyKind>,
    },
    /// The key groups of a rule cannot share a key.
    #[error("creation rule {rule} has key groups that cannot share a key")]
    KeyGroups {
        /// The rule, counted from 1.
        rule: usize,
        /// Why.
        #[source]
        source: RecipientGroupsError,
    },
    /// A rule names no key.
    #[error("creation rule {rule} names no recipient")]
    NoRecipients {
        /// The rule, counted from 1.
        rule: usize,
    },
}

impl ConfigError {
    pub(super) fn at(self, line: usize) -> Self {
        let error = Box::new(self);
        Self::At { line, error }
    }

    /// Adds the line, where the text is at hand.
    pub(super) fn located(self, text: &str) -> Self {
        let steps = match &self {
            Self::Field { field, .. } => steps(field),
            Self::Path { rule, .. } => {
                let mut steps = rule_steps(rule - 1).to_vec();
                steps.push(Step::Key("path_regex".to_owned()));
                steps
            }
            Self::Selection { rule, .. } => rule_steps(rule - 1).to_vec(),
            _ => return self,
        };
        let line = line_of(text, &steps);
        self.at(line)
    }
}

fn list(kinds: &[KeyKind]) -> String {
    let kinds: Vec<_> = kinds
        .iter()
        .map(|kind| format!("`{}`", kind.field()))
        .collect();
    kinds.join(", ")
}
