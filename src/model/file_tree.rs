//! What a render makes: an ordered set of files, as plain values.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

/// Files by path relative to the repository's root, in path order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTree {
    files: BTreeMap<Utf8PathBuf, File>,
}

/// One file of a [`FileTree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The whole content.
    pub bytes: Vec<u8>,
    /// The permission that matters across operating systems.
    pub mode: Mode,
}

/// Whether a file may be executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// An ordinary file, 0644.
    #[default]
    Regular,
    /// A script, 0755.
    Executable,
}

impl FileTree {
    /// Adds an ordinary file, replacing one of the same path.
    pub fn add(&mut self, path: impl Into<Utf8PathBuf>, content: impl Into<Vec<u8>>) {
        self.insert(
            path,
            File {
                bytes: content.into(),
                mode: Mode::Regular,
            },
        );
    }

    /// Adds a script, replacing one of the same path.
    pub fn add_executable(&mut self, path: impl Into<Utf8PathBuf>, content: impl Into<Vec<u8>>) {
        self.insert(
            path,
            File {
                bytes: content.into(),
                mode: Mode::Executable,
            },
        );
    }

    /// Adds a file, replacing one of the same path.
    pub fn insert(&mut self, path: impl Into<Utf8PathBuf>, file: File) {
        self.files.insert(path.into(), file);
    }

    /// Adds every file of another tree.
    pub fn extend(&mut self, other: FileTree) {
        self.files.extend(other.files);
    }

    /// Returns the file of this path.
    pub fn get(&self, path: impl AsRef<Utf8Path>) -> Option<&File> {
        self.files.get(path.as_ref())
    }

    /// Iterates over path and file, in path order.
    pub fn iter(&self) -> impl Iterator<Item = (&Utf8Path, &File)> {
        self.files.iter().map(|(path, file)| (path.as_path(), file))
    }

    /// Returns how many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Tells whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
