//! The list of generated files, with what each looked like when it was written.
//!
//! Reading it forgives everything: lines that are none of its own are skipped, so that two sides of
//! a merge conflict are simply both read. A path may therefore have several hashes; each is a content
//! that we wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use super::place;
use crate::model::FileTree;

/// Where the manifest lies in a repository.
pub const MANIFEST_PATH: &str = ".homelab/manifest";

const HEADER: &str = "# Files that `homelab render` made; render again to heal a merge conflict.\n";

/// Generated files and the SHA-256 hashes of their contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: BTreeMap<Utf8PathBuf, BTreeSet<String>>,
}

impl Manifest {
    /// Reads a manifest; what is not a line of one is skipped, and so is a path that leaves the
    /// repository.
    pub fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        for line in text.lines() {
            let Some((hash, path)) = line.split_once("  ") else {
                continue;
            };
            let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash && place::is_inside(Utf8Path::new(path)) {
                manifest.insert(path.into(), hash.to_owned());
            }
        }
        manifest
    }

    /// Makes the manifest of a tree.
    pub fn of(tree: &FileTree) -> Self {
        let mut manifest = Self::default();
        for (path, file) in tree.iter() {
            manifest.insert(path.to_owned(), hash(&file.bytes));
        }
        manifest
    }

    /// Returns the manifest that knows the contents of both.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        for (path, hashes) in other.entries {
            self.entries.entry(path).or_default().extend(hashes);
        }
        self
    }

    /// Returns the manifest of those files only.
    #[must_use]
    pub(super) fn of_paths(&self, wanted: impl Fn(&Utf8Path) -> bool) -> Self {
        let entries = self.entries.iter().filter(|(path, _)| wanted(path));
        Self {
            entries: entries
                .map(|(path, hashes)| (path.clone(), hashes.clone()))
                .collect(),
        }
    }

    /// Returns its text: one line a file, as `sha256sum` reads it.
    pub fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (path, hashes) in &self.entries {
            for hash in hashes {
                writeln!(text, "{hash}  {path}").expect("writing to a string does not fail");
            }
        }
        text
    }

    /// Tells whether we once wrote this content to this path.
    pub fn knows(&self, path: &Utf8Path, content: &[u8]) -> bool {
        let hashes = self.entries.get(path);
        hashes.is_some_and(|hashes| hashes.contains(&hash(content)))
    }

    /// Iterates over the paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &Utf8Path> {
        self.entries.keys().map(Utf8PathBuf::as_path)
    }

    fn insert(&mut self, path: Utf8PathBuf, hash: String) {
        self.entries.entry(path).or_default().insert(hash);
    }
}

fn hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let mut text = String::with_capacity(64);
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}
