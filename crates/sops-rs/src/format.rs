//! The document formats a SOPS file can have.

use std::path::Path;

/// A document format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// YAML, one or several documents.
    Yaml,
}

impl Format {
    /// Returns the format that a file's name tells, as `sops` would choose it; `None` for those
    /// that this crate does not read (JSON, dotenv, INI, and everything else, which is binary).
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        matches!(extension, "yaml" | "yml").then_some(Self::Yaml)
    }
}
