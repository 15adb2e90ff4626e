//! One file that is read whole and replaced whole.
//!
//! A file is replaced by writing its successor beside it and renaming, so that whoever looks, and
//! whatever interrupts, finds the old contents or the new ones. A successor whose writer was killed
//! is swept away by the next run: while somebody writes one, it is locked.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// The largest file that is read. Flux refuses encrypted files beyond 5 MiB.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// How the names of successors begin and end.
const PREFIX: &str = ".homelab-";
const SUFFIX: &str = ".tmp";

/// Why a file cannot be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system says no.
    #[error("cannot {verb} `{path}`")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is a directory.
    #[error("`{0}` is a directory; name the files in it")]
    Directory(Utf8PathBuf),
    /// It is a pipe, a device or a socket.
    #[error("`{0}` is not a regular file")]
    NotAFile(Utf8PathBuf),
    /// It is too large.
    #[error("`{path}` has {size} bytes; more than {MAX_BYTES} are not read")]
    TooLarge {
        /// The file.
        path: Utf8PathBuf,
        /// Its size, as far as it was read.
        size: u64,
    },
    /// Its mode forbids writing.
    #[error("`{0}` is read-only; make it writable with `chmod u+w` if it is meant to change")]
    ReadOnly(Utf8PathBuf),
    /// Somebody else wrote it meanwhile.
    #[error("`{0}` was changed by somebody else meanwhile; nothing was written over it")]
    Changed(Utf8PathBuf),
}

/// A file as it was when it was read.
pub struct Original {
    path: Utf8PathBuf,
    bytes: Zeroizing<Vec<u8>>,
}

impl Original {
    /// Reads a file.
    pub fn read(path: &Utf8Path) -> Result<Self, FileError> {
        Ok(Self {
            path: path.to_owned(),
            bytes: read(path)?,
        })
    }

    /// Returns its path, as it was named.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Returns what it holds.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Fails for a file that may not be written, before anything is done to others.
    pub fn check_writable(&self) -> Result<(), FileError> {
        let metadata = fs_err::metadata(&self.path).map_err(|error| self.failed("read", error))?;
        if metadata.permissions().readonly() {
            return Err(FileError::ReadOnly(self.path.clone()));
        }
        Ok(())
    }

    /// Puts new contents in its place, keeping mode and owner; of a symbolic link, its target's.
    /// Contents that are the same are not written.
    pub fn replace(&self, contents: &[u8]) -> Result<(), FileError> {
        if contents == self.bytes() {
            return Ok(());
        }
        let target = self.path.canonicalize_utf8();
        let target = target.map_err(|error| self.failed("replace", error))?;
        let successor =
            successor(&target, contents).map_err(|error| self.failed("replace", error))?;
        // Whoever wrote in between would lose what they wrote.
        if *read(&self.path)? != *self.bytes {
            return Err(FileError::Changed(self.path.clone()));
        }
        let persisted = successor.persist(&target).map_err(|error| error.error);
        persisted
            .and_then(|_| sync_directory(directory(&target)))
            .map_err(|error| self.failed("replace", error))
    }

    fn failed(&self, verb: &'static str, source: io::Error) -> FileError {
        FileError::Io {
            verb,
            path: self.path.clone(),
            source,
        }
    }
}

/// Reads whatever there is, up to the limit; `path` is its name in messages.
pub fn read_from(source: &mut impl Read, path: &Utf8Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| FileError::Io {
            verb: "read",
            path: path.to_owned(),
            source,
        })?;
    let size = bytes.len() as u64;
    if size > MAX_BYTES {
        let path = path.to_owned();
        return Err(FileError::TooLarge { path, size });
    }
    Ok(bytes)
}

fn read(path: &Utf8Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let failed = |source| FileError::Io {
        verb: "read",
        path: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(FileError::Directory(path.to_owned()));
    }
    if !metadata.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    let size = metadata.len();
    if size > MAX_BYTES {
        let path = path.to_owned();
        return Err(FileError::TooLarge { path, size });
    }
    read_from(&mut File::open(path).map_err(failed)?, path)
}

/// Tells whether a name is that of a successor that waits to be renamed.
pub fn is_successor(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Removes a successor whose writer is gone; one that is being written stays.
pub(super) fn sweep(path: &Utf8Path) {
    let Ok(file) = File::open(path) else { return };
    if file.try_lock().is_ok() {
        let _ = std::fs::remove_file(path);
    }
}

/// Removes what killed runs have left in a directory.
fn sweep_directory(directory: &Utf8Path) {
    let Ok(entries) = directory.read_dir_utf8() else {
        return;
    };
    for entry in entries.flatten() {
        if is_successor(entry.file_name()) {
            sweep(entry.path());
        }
    }
}

/// Writes the successor of a file beside it, on disk to the last byte.
fn successor(target: &Utf8Path, contents: &[u8]) -> io::Result<NamedTempFile> {
    let metadata = target.metadata()?;
    sweep_directory(directory(target));
    let mut successor = locked(directory(target))?;
    successor.write_all(contents)?;
    keep_owner(successor.as_file(), &metadata);
    let permissions = metadata.permissions();
    successor.as_file().set_permissions(permissions)?;
    successor.as_file().sync_all()?;
    Ok(successor)
}

/// Makes an empty successor that is locked. One that was swept away before it was locked is made anew.
fn locked(directory: &Utf8Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(SUFFIX)
            .tempfile_in(directory)?;
        file.as_file().lock()?;
        if file.path().exists() {
            return Ok(file);
        }
    }
}

fn directory(file: &Utf8Path) -> &Utf8Path {
    file.parent().unwrap_or(Utf8Path::new("/"))
}

/// A file that root rewrites stays its owner's, where the file system lets it.
#[cfg(unix)]
fn keep_owner(file: &File, metadata: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

/// Makes the rename last through a power cut.
fn sync_directory(directory: &Utf8Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str, content: &str) -> Utf8PathBuf {
            let path = Utf8Path::from_path(self.0.path()).unwrap().join(name);
            fs_err::write(&path, content).unwrap();
            path
        }

        fn names(&self) -> Vec<String> {
            let entries = Utf8Path::from_path(self.0.path()).unwrap().read_dir_utf8();
            let mut names: Vec<_> = entries
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_owned())
                .collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_killed_writer_s_successor_is_swept_and_a_living_one_s_is_not() {
        let folder = Folder::new();
        let file = folder.file("a", "old");
        folder.file(".homelab-dead.tmp", "half");
        let living = folder.file(".homelab-living.tmp", "half");
        let held = File::open(&living).unwrap();
        held.lock().unwrap();
        Original::read(&file).unwrap().replace(b"new").unwrap();
        assert_eq!(folder.names(), [".homelab-living.tmp", "a"]);
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "new");
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let folder = Folder::new();
        let file = folder.file("a", "old");
        let original = Original::read(&file).unwrap();
        fs_err::write(&file, "theirs").unwrap();
        let error = original.replace(b"ours").unwrap_err();
        assert!(matches!(error, FileError::Changed(_)), "{error}");
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(folder.names(), ["a"]);
    }
}
