//! Finding the private keys: the places `sops` looks at, then the repository's own.
//!
//! All sources are merged. A source that cannot be used is no failure as long as another one
//! opens the file, so problems are kept and told only when nothing does.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::environment::Environment;
use super::identity::{Identity, IdentityError};
use super::words;

/// The private keys at hand.
#[derive(Clone, Default)]
pub struct Identities {
    loaded: Vec<LoadedIdentity>,
    problems: Vec<IdentityProblem>,
    absent: Vec<IdentityOrigin>,
}

/// An identity and where it comes from.
#[derive(Clone)]
pub struct LoadedIdentity {
    /// The identity.
    pub identity: Identity,
    /// Where it comes from.
    pub origin: IdentityOrigin,
}

/// Where identities come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityOrigin {
    /// The caller.
    Given,
    /// A variable that holds them.
    Variable(&'static str),
    /// A file that a variable names.
    VariableFile(&'static str, PathBuf),
    /// The output of the command that a variable holds.
    VariableCommand(&'static str),
    /// The repository's own key.
    Repository(PathBuf),
    /// The file that is read without being told.
    Default(PathBuf),
}

/// A source that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProblem {
    /// The source.
    pub origin: IdentityOrigin,
    /// Why.
    pub error: IdentityError,
}

impl Identities {
    /// Loads every identity that the environment leads to.
    pub fn load(environment: &Environment) -> Self {
        let mut found = Self::default();
        found.load_variable(environment, "SOPS_AGE_KEY");
        found.load_variable_file(environment, "SOPS_AGE_KEY_FILE");
        found.load_command(environment, "SOPS_AGE_KEY_CMD");
        let repository = environment.repository_key().map(IdentityOrigin::Repository);
        let default = environment.default_key().map(IdentityOrigin::Default);
        for origin in repository.into_iter().chain(default) {
            found.load_optional(origin);
        }
        found
    }

    /// Returns the identities.
    pub fn iter(&self) -> impl Iterator<Item = &LoadedIdentity> {
        self.loaded.iter()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.loaded.is_empty()
    }

    /// Returns the sources that could not be used.
    pub fn problems(&self) -> &[IdentityProblem] {
        &self.problems
    }

    /// Returns the places where there was nothing.
    pub fn absent(&self) -> &[IdentityOrigin] {
        &self.absent
    }

    /// Adds the identities of a text: one a line, `#` for comments.
    pub fn add_text(&mut self, text: &str, origin: &IdentityOrigin) {
        let lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()));
        self.add_lines(text, lines, origin);
    }

    fn add_lines<'a>(
        &mut self,
        text: &str,
        lines: impl Iterator<Item = (usize, &'a str)>,
        origin: &IdentityOrigin,
    ) {
        let problem = |error| IdentityProblem {
            origin: origin.clone(),
            error,
        };
        let start = text.trim_start();
        if start.starts_with("age-encryption.org/") || start.starts_with("-----BEGIN AGE") {
            return self.problems.push(problem(IdentityError::Passphrase));
        }
        let mut identities = Vec::new();
        let mut unsupported = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            match Identity::parse_line(line, number) {
                Ok(identity) => identities.push(identity),
                Err(error @ IdentityError::Unsupported { .. }) => unsupported.push(problem(error)),
                // One bad line rejects the source: half a key file is a damaged key file.
                Err(error) => return self.problems.push(problem(error)),
            }
        }
        if identities.is_empty() && unsupported.is_empty() {
            unsupported.push(problem(IdentityError::None));
        }
        self.problems.extend(unsupported);
        self.loaded
            .extend(identities.into_iter().map(|identity| LoadedIdentity {
                identity,
                origin: origin.clone(),
            }));
    }

    fn load_variable(&mut self, environment: &Environment, name: &'static str) {
        let origin = IdentityOrigin::Variable(name);
        let Some(value) = environment.variable(name) else {
            return self.absent.push(origin);
        };
        let Some(text) = value.to_str() else {
            return self.fail(origin, IdentityError::NotText);
        };
        let words = text.lines().enumerate().flat_map(|(index, line)| {
            let line = if line.trim_start().starts_with('#') {
                ""
            } else {
                line
            };
            line.split_whitespace().map(move |word| (index + 1, word))
        });
        self.add_lines(text, words, &origin);
    }

    fn load_variable_file(&mut self, environment: &Environment, name: &'static str) {
        match environment.variable(name) {
            Some(path) => self.load_file(IdentityOrigin::VariableFile(name, path.into())),
            None => self
                .absent
                .push(IdentityOrigin::VariableFile(name, PathBuf::new())),
        }
    }

    fn load_optional(&mut self, origin: IdentityOrigin) {
        let exists = origin
            .path()
            .is_some_and(|path| path.try_exists().unwrap_or(true));
        if exists {
            self.load_file(origin);
        } else {
            self.absent.push(origin);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this crate reads its own files")]
    fn load_file(&mut self, origin: IdentityOrigin) {
        let Some(path) = origin.path() else { return };
        match std::fs::read(path).map(Zeroizing::new) {
            Ok(bytes) => self.add_bytes(&bytes, origin),
            Err(error) => {
                let problem = error.to_string();
                self.fail(origin, IdentityError::Unreadable { problem });
            }
        }
    }

    fn add_bytes(&mut self, bytes: &[u8], origin: IdentityOrigin) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.add_text(text, &origin),
            Err(_) => self.fail(origin, IdentityError::NotText),
        }
    }

    fn load_command(&mut self, environment: &Environment, name: &'static str) {
        let origin = IdentityOrigin::VariableCommand(name);
        let Some(command) = environment.variable(name) else {
            return self.absent.push(origin);
        };
        match run(&command.to_string_lossy(), environment) {
            Ok(output) => self.add_bytes(&output, origin),
            Err(problem) => self.fail(origin, IdentityError::Command { problem }),
        }
    }

    fn fail(&mut self, origin: IdentityOrigin, error: IdentityError) {
        self.problems.push(IdentityProblem { origin, error });
    }
}

/// Runs a key command with the given environment and returns what it prints.
#[expect(clippy::disallowed_methods, reason = "a key command is a process")]
fn run(command: &str, environment: &Environment) -> Result<Zeroizing<Vec<u8>>, String> {
    let words = words::split(command).ok_or("a quote in it is not closed")?;
    let (program, arguments) = words.split_first().ok_or("it is empty")?;
    let mut process = Command::new(program);
    process
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    process.env_clear().envs(environment.variables());
    if let Some(recipient) = environment.recipient() {
        process.env("SOPS_AGE_RECIPIENT", recipient);
    }
    let output = process
        .output()
        .map_err(|error| format!("`{program}`: {error}"))?;
    let stdout = Zeroizing::new(output.stdout);
    if output.status.success() {
        Ok(stdout)
    } else {
        Err(format!("`{program}` ended with {}", output.status))
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

impl IdentityOrigin {
    /// Returns the file, if it is one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::VariableFile(_, path) | Self::Repository(path) | Self::Default(path) => {
                Some(path)
            }
            Self::Given | Self::Variable(_) | Self::VariableCommand(_) => None,
        }
    }
}

impl fmt::Display for IdentityOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("the caller"),
            Self::Variable(name) | Self::VariableCommand(name) => write!(f, "${name}"),
            Self::VariableFile(name, path) if path.as_os_str().is_empty() => write!(f, "${name}"),
            Self::VariableFile(name, path) => write!(f, "${name} (`{}`)", path.display()),
            Self::Repository(path) | Self::Default(path) => write!(f, "`{}`", path.display()),
        }
    }
}
