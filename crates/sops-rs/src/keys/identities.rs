//! The private keys at hand.
//!
//! All sources are merged. A source that cannot be used is no failure as long as another one
//! opens the file, so problems are kept and told only when nothing does.

use std::sync::Arc;

use super::environment::Environment;
use super::identity::{Identity, IdentityError};
use super::key_text::{self, Separation};
use super::origin::{IdentityOrigin, IdentityProblem};
use super::prompt::{Prompt, SharedPrompt};
use super::recipient::Recipient;
use super::sources;

/// The private keys at hand, each with its origin, and what was odd where they were looked for.
///
/// ```
/// use sops_rs::{Environment, Identities, IdentityOrigin};
///
/// let environment = Environment::default().with_variable(
///     "SOPS_AGE_KEY",
///     "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7",
/// );
/// let identities = Identities::load(&environment);
/// let loaded = identities.iter().next().expect("the variable holds one");
/// assert_eq!(loaded.origin, IdentityOrigin::Variable("SOPS_AGE_KEY"));
/// assert_eq!(
///     loaded.identity.public_part(),
///     "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun"
/// );
/// ```
#[derive(Clone, Default)]
pub struct Identities {
    loaded: Vec<LoadedIdentity>,
    problems: Vec<IdentityProblem>,
    absent: Vec<IdentityOrigin>,
    prompt: SharedPrompt,
}

/// An identity and where it comes from.
#[derive(Clone)]
pub struct LoadedIdentity {
    /// The identity.
    pub identity: Identity,
    /// Where it comes from.
    pub origin: IdentityOrigin,
}

impl Identities {
    /// Loads every identity that the environment leads to: where `sops` looks, in its order, and
    /// the repository's own before the default file.
    pub fn load(environment: &Environment) -> Self {
        let mut found = Self {
            prompt: environment.prompt().clone(),
            ..Self::default()
        };
        sources::load(&mut found, environment);
        found
    }

    /// Makes an empty collection whose keys ask this way when they need a passphrase.
    pub fn with_prompt(prompt: Arc<dyn Prompt>) -> Self {
        Self {
            prompt: SharedPrompt(prompt),
            ..Self::default()
        }
    }

    /// Returns the identities, in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &LoadedIdentity> {
        self.loaded.iter()
    }

    /// Returns the public keys that are known.
    pub fn recipients(&self) -> impl Iterator<Item = Recipient> {
        self.loaded
            .iter()
            .filter_map(|loaded| loaded.identity.recipient())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.loaded.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.loaded.is_empty()
    }

    /// Returns what was odd: sources that could not be used, and warnings.
    pub fn problems(&self) -> &[IdentityProblem] {
        &self.problems
    }

    /// Returns the places where there was nothing.
    pub fn absent(&self) -> &[IdentityOrigin] {
        &self.absent
    }

    /// Adds an identity.
    pub fn add(&mut self, identity: Identity, origin: IdentityOrigin) {
        self.loaded.push(LoadedIdentity { identity, origin });
    }

    /// Adds the contents of a key file: identities, one a line, `#` for comments; an SSH private
    /// key; or an age file that protects a key file with a passphrase.
    pub fn add_file(&mut self, contents: &[u8], origin: &IdentityOrigin) {
        self.add_separated(contents, Separation::Lines, origin);
    }

    /// Adds the contents of a key file that is text.
    pub fn add_text(&mut self, text: &str, origin: &IdentityOrigin) {
        self.add_file(text.as_bytes(), origin);
    }

    /// Adds identities; returns what came of it.
    pub(super) fn add_separated(
        &mut self,
        contents: &[u8],
        separation: Separation,
        origin: &IdentityOrigin,
    ) {
        match key_text::read(contents, &origin.to_string(), separation, &self.prompt) {
            Ok(identities) => {
                for identity in identities {
                    self.add(identity, origin.clone());
                }
            }
            Err((line, error)) => self.problems.push(IdentityProblem {
                origin: origin.clone(),
                line,
                error,
            }),
        }
    }

    pub(super) fn add_problem(&mut self, origin: IdentityOrigin, error: IdentityError) {
        self.problems.push(IdentityProblem {
            origin,
            line: None,
            error,
        });
    }

    pub(super) fn add_absent(&mut self, origin: IdentityOrigin) {
        self.absent.push(origin);
    }
}

impl From<Identity> for Identities {
    fn from(identity: Identity) -> Self {
        std::iter::once(identity).collect()
    }
}

impl FromIterator<Identity> for Identities {
    fn from_iter<T: IntoIterator<Item = Identity>>(identities: T) -> Self {
        let given = |identity| LoadedIdentity {
            identity,
            origin: IdentityOrigin::Given,
        };
        Self {
            loaded: identities.into_iter().map(given).collect(),
            ..Self::default()
        }
    }
}
