//! A file in the clear for as long as somebody edits it: in memory where the system has such a place,
//! readable by its owner only, overwritten and removed when it is dropped.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zeroize::Zeroizing;

/// Where Linux keeps files in memory for everybody.
const SHARED_MEMORY: &str = "/dev/shm";

/// A file in the clear.
pub(super) struct PlainFile {
    directory: TempDir,
    path: PathBuf,
    on_disk: bool,
}

impl PlainFile {
    /// Makes a file of this name, in a folder of its own: editors put their own files beside it.
    pub(super) fn create(name: &str, contents: &[u8]) -> io::Result<Self> {
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
        let mut builder = tempfile::Builder::new();
        builder.prefix("homelab-edit-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o700));
        }
        let directory = builder.tempdir_in(place)?;
        let path = directory.path().join(name);
        write_private(&path, contents)?;
        Ok(Self {
            directory,
            path,
            on_disk,
        })
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what it holds now.
    pub(super) fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        std::fs::read(&self.path).map(Zeroizing::new)
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
        let Ok(entries) = std::fs::read_dir(self.directory.path()) else {
            return;
        };
        for entry in entries.flatten() {
            let length = entry.metadata().map_or(0, |metadata| metadata.len());
            let zeros = vec![0; usize::try_from(length).unwrap_or_default()];
            let _ = std::fs::write(entry.path(), zeros);
        }
    }
}

/// Places for it, the best first, and whether they may reach a disk.
fn places() -> Vec<(PathBuf, bool)> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|place| !place.is_empty());
    let mut places: Vec<(PathBuf, bool)> = Vec::new();
    places.extend(runtime.map(|place| (PathBuf::from(place), false)));
    places.push((PathBuf::from(SHARED_MEMORY), false));
    places.retain(|(place, _)| place.is_dir());
    places.push((std::env::temp_dir(), true));
    places
}

fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(contents)
}
