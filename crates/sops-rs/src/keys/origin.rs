//! Where identities come from, and what was odd there.

use std::fmt;
use std::path::{Path, PathBuf};

use super::identity::IdentityError;

/// Where identities come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// An SSH key in its usual place.
    Ssh(PathBuf),
    /// The repository's own key.
    Repository(PathBuf),
    /// The file that is read without being told.
    Default(PathBuf),
}

/// Something about a source of identities that a person should know.
///
/// Its text names the place: `$SOPS_AGE_KEY_FILE (/keys.txt), line 3: it is not an age identity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProblem {
    /// The source.
    pub origin: IdentityOrigin,
    /// The line, counted from 1, where it is one line's.
    pub line: Option<usize>,
    /// What is wrong.
    pub error: IdentityError,
}

impl IdentityOrigin {
    /// Returns the file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::VariableFile(_, path)
            | Self::Ssh(path)
            | Self::Repository(path)
            | Self::Default(path) => Some(path),
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
            Self::Ssh(path) | Self::Repository(path) | Self::Default(path) => {
                write!(f, "`{}`", path.display())
            }
        }
    }
}

impl IdentityProblem {
    /// Tells whether the identities were loaded all the same.
    pub fn is_warning(&self) -> bool {
        matches!(self.error, IdentityError::Exposed { .. })
    }
}

impl fmt::Display for IdentityProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.error)
    }
}
