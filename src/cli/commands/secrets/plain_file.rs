//! A file in the clear for as long as somebody edits it: in memory where the system has such a place,
//! readable by its owner only, overwritten and removed when it is dropped, and when anything panics.
//!
//! A release aborts on a panic, and nothing is dropped then. The hook runs before that, wherever the
//! panic is; unwinding would only help on the thread that holds the file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::in_memory::is_in_memory;
use super::overwrite::overwrite_below;

/// Where Linux keeps files in memory for everybody.
const SHARED_MEMORY: &str = "/dev/shm";

/// The folders that hold plaintext now.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file in the clear.
pub(super) struct PlainFile {
    directory: TempDir,
    path: PathBuf,
    on_disk: bool,
    is_kept: bool,
}

impl PlainFile {
    /// Makes a file of this name, in a folder of its own: editors put their own files beside it.
    pub(super) fn create(name: &str, contents: &[u8]) -> io::Result<Self> {
        remove_on_panic();
        let mut last = None;
        for (place, on_disk) in places() {
            match Self::create_in(&place, on_disk, name, contents) {
                Ok(file) => return Ok(file),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("no place for a temporary file")))
    }

    fn create_in(place: &Path, on_disk: bool, name: &str, contents: &[u8]) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut builder = tempfile::Builder::new();
        builder.prefix("homelab-edit-");
        builder.permissions(std::fs::Permissions::from_mode(0o700));
        let directory = builder.tempdir_in(place)?;
        let path = directory.path().join(name);
        folders(|folders| folders.push(directory.path().to_owned()));
        let file = Self {
            directory,
            path,
            on_disk,
            is_kept: false,
        };
        write_private(&file.path, contents)?;
        Ok(file)
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what it holds now.
    pub(super) fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        std::fs::read(&self.path).map(Zeroizing::new)
    }

    /// Leaves it where it is, since it holds the only copy of something; returns its path.
    pub(super) fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        self.directory.disable_cleanup(true);
        self.path.clone()
    }

    /// Says so when it may reach a disk.
    pub(super) fn warning(&self) -> Option<String> {
        self.on_disk.then(|| {
            format!(
                "there is no place in memory for files: the plaintext lies in `{}` meanwhile",
                self.directory.path().display()
            )
        })
    }
}

impl Drop for PlainFile {
    /// What the editor has left beside it goes too.
    fn drop(&mut self) {
        let own = self.directory.path();
        if !self.is_kept {
            overwrite_below(own);
        }
        folders(|folders| folders.retain(|folder| folder != own));
    }
}

fn folders(change: impl FnOnce(&mut Vec<PathBuf>)) {
    change(&mut FOLDERS.lock().unwrap_or_else(PoisonError::into_inner));
}

/// From now on a panic removes what lies in the clear.
fn remove_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Whoever panics may hold the list.
            let folders = FOLDERS.try_lock().map(|folders| folders.clone());
            for folder in folders.unwrap_or_default() {
                overwrite_below(&folder);
                let _ = std::fs::remove_dir_all(folder);
            }
            before(panic);
        }));
    });
}

/// Places for it, those in memory first, and whether they may reach a disk.
fn places() -> Vec<(PathBuf, bool)> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|place| !place.is_empty());
    let mut places: Vec<PathBuf> = runtime.into_iter().map(PathBuf::from).collect();
    places.push(PathBuf::from(SHARED_MEMORY));
    places.retain(|place| place.is_dir());
    places.push(std::env::temp_dir());
    let mut places: Vec<(PathBuf, bool)> = places
        .into_iter()
        .map(|place| {
            let on_disk = !is_in_memory(&place);
            (place, on_disk)
        })
        .collect();
    places.sort_by_key(|(_, on_disk)| *on_disk);
    places
}

fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path)?.write_all(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, since a panic removes every such file of the process.
    #[test]
    fn nothing_is_left_after_a_panic_or_the_end_but_what_is_kept() {
        let file = PlainFile::create("a.yaml", b"secret").unwrap();
        let folder = file.directory.path().to_owned();
        std::fs::create_dir(folder.join("backup")).unwrap();
        drop(file);
        assert!(!folder.exists());

        let file = PlainFile::create("a.yaml", b"secret").unwrap();
        let path = file.keep();
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();

        let file = PlainFile::create("a.yaml", b"secret").unwrap();
        let folder = file.directory.path().to_owned();
        // As in a release, where nothing is dropped.
        std::mem::forget(file);
        let panicked = std::panic::catch_unwind(|| panic!("as a bug would"));
        assert!(panicked.is_err());
        assert!(!folder.exists());
    }
}
