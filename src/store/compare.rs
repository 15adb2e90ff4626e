//! How the working tree differs from a rendered one.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::StoreError;
use super::manifest::{MANIFEST_PATH, Manifest};
use super::place::{self, OnDisk};
use crate::model::{File, FileTree, Mode};

/// How the working tree differs from a rendered one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What has to change, by path; nothing when the working tree is current.
    pub changes: BTreeMap<Utf8PathBuf, Change>,
    /// The manifest as it is on disk.
    pub(super) manifest: Manifest,
    /// What the manifest says of files that were not looked at.
    pub(super) others: Manifest,
}

/// What has to change in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What has to be done.
    pub kind: ChangeKind,
    /// The content on disk.
    pub before: Option<Vec<u8>>,
    /// The content that belongs there.
    pub after: Option<Vec<u8>>,
    /// Whether the content on disk is somebody else's: changed by hand, or never generated.
    pub is_edited: bool,
}

/// What has to be done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It does not exist yet.
    Create,
    /// Its content differs.
    Update,
    /// Only its permission to be executed differs.
    Mode,
    /// It was generated before and no longer is.
    Delete,
}

impl Comparison {
    /// Tells whether the working tree is what was rendered.
    pub fn is_current(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the files that only a person may give up, sorted.
    pub fn edited(&self) -> Vec<Utf8PathBuf> {
        let edited = self.changes.iter().filter(|(_, change)| change.is_edited);
        edited.map(|(path, _)| path.clone()).collect()
    }
}

/// Compares the working tree below `root` with a rendered one.
pub fn compare(root: &Utf8Path, tree: &FileTree) -> Result<Comparison, StoreError> {
    compare_below(root, tree, Utf8Path::new(""))
}

/// Compares what lies below one folder of the repository; the tree holds nothing else, and other files
/// are left as they are.
pub fn compare_below(
    root: &Utf8Path,
    tree: &FileTree,
    folder: &Utf8Path,
) -> Result<Comparison, StoreError> {
    let manifest_file = place::read(root, MANIFEST_PATH.into())?;
    let manifest = match &manifest_file {
        Some(file) => Manifest::parse(&String::from_utf8_lossy(&file.bytes)),
        None => Manifest::default(),
    };
    let others = manifest.of_paths(|path| !path.starts_with(folder));
    let mut changes = BTreeMap::new();
    for (path, file) in tree.iter() {
        let found = place::read(root, path)?;
        if let Some(change) = change(path, file, found, &manifest) {
            changes.insert(path.to_owned(), change);
        }
    }
    let gone = |path: &&Utf8Path| path.starts_with(folder) && tree.get(path).is_none();
    for path in manifest.paths().filter(gone) {
        if let Some(found) = place::read(root, path)? {
            let is_edited = is_edited(path, &found.bytes, &manifest);
            changes.insert(path.to_owned(), deletion(found, is_edited));
        }
    }
    changes.extend(manifest_change(manifest_file, tree, &others));
    Ok(Comparison {
        changes,
        manifest,
        others,
    })
}

fn change(
    path: &Utf8Path,
    wanted: &File,
    found: Option<OnDisk>,
    manifest: &Manifest,
) -> Option<Change> {
    let after = Some(wanted.bytes.clone());
    let Some(found) = found else {
        return Some(Change {
            kind: ChangeKind::Create,
            before: None,
            after,
            is_edited: false,
        });
    };
    let (kind, is_edited) = if found.bytes != wanted.bytes {
        let is_edited = is_edited(path, &found.bytes, manifest);
        (ChangeKind::Update, is_edited)
    } else if cfg!(unix) && (wanted.mode == Mode::Executable) != found.is_executable {
        (ChangeKind::Mode, false)
    } else {
        return None;
    };
    Some(Change {
        kind,
        before: Some(found.bytes),
        after,
        is_edited,
    })
}

fn deletion(found: OnDisk, is_edited: bool) -> Change {
    Change {
        kind: ChangeKind::Delete,
        before: Some(found.bytes),
        after: None,
        is_edited,
    }
}

/// The manifest is ours alone: whatever happened to it, it is written anew.
fn manifest_change(
    found: Option<OnDisk>,
    tree: &FileTree,
    others: &Manifest,
) -> Option<(Utf8PathBuf, Change)> {
    let after = Manifest::of(tree).merged(others.clone());
    let after = after.to_text().into_bytes();
    let before = found.map(|file| file.bytes);
    let kind = match &before {
        None => ChangeKind::Create,
        Some(before) if *before != after => ChangeKind::Update,
        Some(_) => return None,
    };
    let change = Change {
        kind,
        before,
        after: Some(after),
        is_edited: false,
    };
    Some((MANIFEST_PATH.into(), change))
}

/// What a merge left behind is nobody's work: both sides are in Git.
fn is_edited(path: &Utf8Path, content: &[u8], manifest: &Manifest) -> bool {
    !manifest.knows(path, content) && !is_merge_conflict(content)
}

fn is_merge_conflict(content: &[u8]) -> bool {
    let mut lines = content.split(|byte| *byte == b'\n');
    let mut has = |marker: &[u8]| lines.any(|line| line.starts_with(marker));
    has(b"<<<<<<< ") && has(b"=======") && has(b">>>>>>> ")
}
