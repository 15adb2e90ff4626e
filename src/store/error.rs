//! Why the working tree cannot be compared or written.

use camino::Utf8PathBuf;

/// Why the working tree cannot be compared or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory cannot be read or written; the cause names it.
    #[error("the working tree cannot be read or written")]
    Io(#[from] std::io::Error),
    /// A path leads through a symbolic link, which may end anywhere.
    #[error("`{path}` is a symbolic link, expected a file or directory of the repository itself")]
    SymbolicLink {
        /// The link.
        path: Utf8PathBuf,
    },
    /// A file should be where something else is.
    #[error("`{path}` is not a file")]
    NotAFile {
        /// What is there.
        path: Utf8PathBuf,
    },
    /// A path leaves the repository.
    #[error("`{path}` is not inside the repository")]
    Outside {
        /// The path.
        path: Utf8PathBuf,
    },
    /// Files that would be replaced or deleted were changed by hand, or never were generated.
    #[error("{} changed by hand: {}", files(paths), list(paths))]
    Edited {
        /// The files.
        paths: Vec<Utf8PathBuf>,
    },
}

impl StoreError {
    /// Tells whether nothing failed: a fence stopped the work, and a person has to decide.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io(_))
    }
}

fn files(paths: &[Utf8PathBuf]) -> &'static str {
    match paths {
        [_] => "a file that would be overwritten was",
        _ => "files that would be overwritten were",
    }
}

fn list(paths: &[Utf8PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
    paths.join(", ")
}
