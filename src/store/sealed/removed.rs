//! Files that are gone here while Git still has them: made anew, they would be other secrets.

use camino::{Utf8Path, Utf8PathBuf};

use crate::git::index;

/// Files that Git has and the directory has not.
#[derive(Debug, thiserror::Error)]
#[error("Git has files that are missing here: {}", names(.0))]
pub struct RemovedFiles(pub Vec<Utf8PathBuf>);

fn names(files: &[Utf8PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| format!("`{file}`")).collect();
    names.join(", ")
}

/// Fails for files below a root that are missing there, but not in Git.
pub fn refuse_removed(root: &Utf8Path, files: &[&Utf8Path]) -> Result<(), RemovedFiles> {
    let files = files.iter().copied();
    let gone: Vec<&Utf8Path> = files.filter(|file| !root.join(file).exists()).collect();
    if gone.is_empty() {
        return Ok(());
    }
    match index::remembered(root, &gone) {
        removed if removed.is_empty() => Ok(()),
        removed => Err(RemovedFiles(removed)),
    }
}
