//! The files that the GitOps engine reads, and whether one key alone opens the encrypted ones.

use camino::{Utf8Path, Utf8PathBuf};

use super::{OpenError, Opener};

/// The folder that the GitOps engine reads, with everything below it.
const READ: &str = "cluster";

/// Returns the encrypted files below what the GitOps engine reads, sorted, relative to the root.
///
/// A file that nobody can read counts too: it will not open.
pub fn read_by_flux(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = manifests(root);
    found.retain(|path| is_encrypted(&root.join(path)));
    found
}

/// Returns all YAML files that the GitOps engine may read, sorted, relative to the root.
pub fn manifests(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    walk(root, Utf8Path::new(READ), &mut found);
    found.sort();
    found
}

/// Returns those files that do not open with the keys of this opener, each with the reason.
pub fn unreadable(opener: &Opener, files: &[Utf8PathBuf]) -> Vec<(Utf8PathBuf, OpenError)> {
    let closed = |file: &Utf8PathBuf| Some((file.clone(), opener.open(file).err()?));
    files.iter().filter_map(closed).collect()
}

/// Symbolic links are not followed, as the engine does not follow them out of its artefact.
fn walk(root: &Utf8Path, folder: &Utf8Path, found: &mut Vec<Utf8PathBuf>) {
    let Ok(entries) = root.join(folder).read_dir_utf8() else {
        return;
    };
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(root, &path, found),
            Ok(kind) if kind.is_file() && is_yaml(&path) => found.push(path),
            _ => {}
        }
    }
}

fn is_yaml(path: &Utf8Path) -> bool {
    matches!(path.extension(), Some("yaml" | "yml"))
}

/// SOPS leaves its metadata under a key of this name at the document's top.
fn is_encrypted(path: &Utf8Path) -> bool {
    fs_err::read_to_string(path).map_or(true, |text| {
        text.lines().any(|line| line.trim_end() == "sops:")
    })
}
