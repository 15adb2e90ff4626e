//! One file of secrets: read whole, replaced whole.
//!
//! A file is replaced by writing its successor beside it and renaming, so that whoever looks, and
//! whatever interrupts, finds the old contents or the new ones.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::Format;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::cli::Context;

/// The largest file that is read. Flux refuses encrypted files beyond 5 MiB.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a file cannot be read or replaced.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
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
    /// It is too large.
    #[error("`{path}` has {size} bytes; more than {MAX_BYTES} are not read")]
    TooLarge {
        /// The file.
        path: Utf8PathBuf,
        /// Its size.
        size: u64,
    },
    /// It is not text.
    #[error("`{path}` is not UTF-8 text (byte {offset} is the first that is not)")]
    NotText {
        /// The file.
        path: Utf8PathBuf,
        /// Where it stops being text.
        offset: usize,
    },
    /// Its name tells a format that is not supported.
    #[error("`{0}` is neither .yaml nor .yml; other formats are not supported yet")]
    Format(Utf8PathBuf),
    /// Its mode forbids writing.
    #[error("`{0}` is read-only; make it writable with `chmod u+w` if it is meant to change")]
    ReadOnly(Utf8PathBuf),
}

/// The path of a file that was named on the command line.
pub(super) fn resolve(context: &Context, name: &Utf8Path) -> Utf8PathBuf {
    let path = context.settings.root.join(name);
    path.strip_prefix(".")
        .map(Utf8Path::to_owned)
        .unwrap_or(path)
}

/// The format that a file's name tells.
pub(super) fn format(path: &Utf8Path) -> Result<Format, FileError> {
    match Format::of_path(path.as_std_path()) {
        format @ Format::Yaml => Ok(format),
        _ => Err(FileError::Format(path.to_owned())),
    }
}

/// Reads a file.
pub(super) fn read(path: &Utf8Path) -> Result<Zeroizing<String>, FileError> {
    let failed = |source| FileError::Io {
        verb: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(FileError::Directory(path.to_owned()));
    }
    read_text(&mut file, path)
}

/// Reads standard input.
pub(super) fn read_stdin() -> Result<Zeroizing<String>, FileError> {
    read_text(&mut io::stdin().lock(), Utf8Path::new("standard input"))
}

fn read_text(source: &mut impl Read, path: &Utf8Path) -> Result<Zeroizing<String>, FileError> {
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
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            size,
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| FileError::NotText {
        path: path.to_owned(),
        offset: error.valid_up_to(),
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Fails for a file that may not be written, before anything is done to others.
pub(super) fn check_writable(path: &Utf8Path) -> Result<(), FileError> {
    let failed = |source| FileError::Io {
        verb: "read",
        path: path.to_owned(),
        source,
    };
    let permissions = fs_err::metadata(path).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(FileError::ReadOnly(path.to_owned()));
    }
    Ok(())
}

/// Replaces a file's contents, keeping its mode and owner; of a symbolic link, its target's.
pub(super) fn replace(path: &Utf8Path, contents: &[u8]) -> Result<(), FileError> {
    replace_io(path, contents).map_err(|source| FileError::Io {
        verb: "replace",
        path: path.to_owned(),
        source,
    })
}

fn replace_io(path: &Utf8Path, contents: &[u8]) -> io::Result<()> {
    let target = path.canonicalize_utf8()?;
    let directory = target.parent().unwrap_or(Utf8Path::new("/"));
    let metadata = target.metadata()?;
    let mut successor = NamedTempFile::new_in(directory)?;
    successor.write_all(contents)?;
    keep_owner(successor.as_file(), &metadata);
    successor
        .as_file()
        .set_permissions(metadata.permissions())?;
    successor.as_file().sync_all()?;
    successor.persist(&target).map_err(|error| error.error)?;
    sync_directory(directory)
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
