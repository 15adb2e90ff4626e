//! Writing what differs.
//!
//! Each file is written beside the tree and then renamed into place, so that nobody ever sees half of
//! it. The manifest is written first with the hashes of both the old and the new contents, and last
//! with the new ones alone: a run that is killed in between leaves only files that the next run
//! recognises as generated.

use std::collections::BTreeSet;
use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::{MANIFEST_PATH, Manifest};
use super::place::resolve;
use super::{ChangeKind, Comparison, StoreError};
use crate::model::{File, FileTree, Mode};

/// Where files wait to be renamed: in the repository, so that the rename is one, and ignored by Git.
const WAITING_ROOM: &str = ".homelab/state";

/// Makes the working tree what was rendered. Files that were changed by hand are given up only when
/// `overwrite` names them; otherwise nothing at all is written.
pub fn write(
    root: &Utf8Path,
    tree: &FileTree,
    comparison: &Comparison,
    overwrite: &BTreeSet<Utf8PathBuf>,
) -> Result<(), StoreError> {
    let mut paths = comparison.edited();
    paths.retain(|path| !overwrite.contains(path));
    if !paths.is_empty() {
        return Err(StoreError::Edited { paths });
    }
    if comparison.is_current() {
        return Ok(());
    }
    let new = Manifest::of(tree).merged(comparison.others.clone());
    let both = comparison.manifest.clone().merged(new.clone());
    let waiting_room = resolve(root, WAITING_ROOM.into())?;
    fs_err::create_dir_all(&waiting_room)?;
    let mut writer = Writer {
        root,
        waiting_room,
        folders: BTreeSet::new(),
    };
    writer.put_manifest(&both)?;
    for (path, change) in &comparison.changes {
        match (change.kind, tree.get(path)) {
            (ChangeKind::Delete, _) => delete(root, path)?,
            (_, Some(file)) => writer.put(path, file)?,
            (_, None) => {}
        }
    }
    writer.put_manifest(&new)
}

/// Puts files into the working tree, one after another.
struct Writer<'a> {
    root: &'a Utf8Path,
    waiting_room: Utf8PathBuf,
    /// The folders that are there.
    folders: BTreeSet<Utf8PathBuf>,
}

impl Writer<'_> {
    fn put_manifest(&mut self, manifest: &Manifest) -> Result<(), StoreError> {
        let file = File {
            bytes: manifest.to_text().into_bytes(),
            mode: Mode::Regular,
        };
        self.put(MANIFEST_PATH.into(), &file)
    }

    fn put(&mut self, path: &Utf8Path, file: &File) -> Result<(), StoreError> {
        let place = resolve(self.root, path)?;
        if let Some(folder) = place.parent()
            && !self.folders.contains(folder)
        {
            fs_err::create_dir_all(folder)?;
            self.folders.insert(folder.to_owned());
        }
        let mut temporary = tempfile::Builder::new()
            .prefix("render-")
            .tempfile_in(&self.waiting_room)?;
        temporary.write_all(&file.bytes)?;
        set_mode(temporary.as_file(), file.mode)?;
        temporary.persist(&place).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Deletes a file, and the folders that are empty without it.
fn delete(root: &Utf8Path, path: &Utf8Path) -> Result<(), StoreError> {
    let place = resolve(root, path)?;
    fs_err::remove_file(&place)?;
    let folders = place
        .ancestors()
        .skip(1)
        .take_while(|folder| *folder != root);
    for folder in folders {
        // A folder that still holds something stays, and so do those around it.
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(file: &std::fs::File, mode: Mode) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let bits = match mode {
        Mode::Regular => 0o644,
        Mode::Executable => 0o755,
    };
    file.set_permissions(std::fs::Permissions::from_mode(bits))
}

#[cfg(not(unix))]
fn set_mode(_file: &std::fs::File, _mode: Mode) -> std::io::Result<()> {
    Ok(())
}
