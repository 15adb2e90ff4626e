//! Making a file that must not be there yet, whole or not at all.

use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

/// Why a new file cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one already.
    #[error("`{0}` exists already")]
    Exists(Utf8PathBuf),
    /// It cannot be written.
    #[error("cannot write `{file}`")]
    Write {
        /// The file.
        file: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner only.
    Owner,
    /// Everybody.
    All,
}

/// Makes a file with its folders. It appears with all its content or not at all, and what is there
/// already stays.
pub fn create(
    root: &Utf8Path,
    file: &Utf8Path,
    content: &[u8],
    readers: Readers,
) -> Result<(), CreateError> {
    let path = root.join(file);
    let failed = |source| CreateError::Write {
        file: file.to_owned(),
        source,
    };
    let folder = path.parent().unwrap_or(root);
    fs_err::create_dir_all(folder).map_err(failed)?;
    let mut temporary = NamedTempFile::new_in(folder).map_err(failed)?;
    temporary.write_all(content).map_err(failed)?;
    allow(temporary.as_file(), readers).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    match temporary.persist_noclobber(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CreateError::Exists(file.to_owned()))
        }
        Err(error) => Err(failed(error.error)),
    }
}

#[cfg(unix)]
fn allow(file: &std::fs::File, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o644,
    };
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn allow(_file: &std::fs::File, _readers: Readers) -> io::Result<()> {
    Ok(())
}
