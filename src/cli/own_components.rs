//! The components that a repository brings itself, under `components/`.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// The folder of a repository's own components.
const FOLDER: &str = "components";

/// Reads every file below `components/`, by path relative to the root; none when there is no such
/// folder. Hidden files, such as an editor's, are no part of a component.
pub(super) fn read(root: &Utf8Path) -> io::Result<BTreeMap<Utf8PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![Utf8PathBuf::from(FOLDER)];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        if !path.is_dir() {
            continue;
        }
        for entry in path.read_dir_utf8()? {
            let entry = entry?;
            let relative = folder.join(entry.file_name());
            if entry.file_name().starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(relative);
            } else {
                files.insert(relative, fs_err::read(entry.path())?);
            }
        }
    }
    Ok(files)
}
