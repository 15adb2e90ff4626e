//! Paths that stay inside the repository.

use std::io::ErrorKind;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::StoreError;

/// Tells whether a path is relative and never goes up.
pub(super) fn is_inside(path: &Utf8Path) -> bool {
    let mut components = path.components().peekable();
    components.peek().is_some() && components.all(|it| matches!(it, Utf8Component::Normal(_)))
}

/// Returns the place of a path below the root, after making sure that no link lies on the way.
pub(super) fn resolve(root: &Utf8Path, path: &Utf8Path) -> Result<Utf8PathBuf, StoreError> {
    if !is_inside(path) {
        let path = path.to_owned();
        return Err(StoreError::Outside { path });
    }
    let mut place = root.to_owned();
    for component in path {
        place.push(component);
        match place.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                let path = place.strip_prefix(root).unwrap_or(&place).to_owned();
                return Err(StoreError::SymbolicLink { path });
            }
            Ok(_) => {}
            // What does not exist yet holds nothing further either.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(root.join(path)),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                let path = path.to_owned();
                return Err(StoreError::NotAFile { path });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(place)
}

/// A file of the working tree.
pub(super) struct OnDisk {
    pub(super) bytes: Vec<u8>,
    pub(super) is_executable: bool,
}

/// Reads a file of the repository; `None` when there is none.
pub(super) fn read(root: &Utf8Path, path: &Utf8Path) -> Result<Option<OnDisk>, StoreError> {
    let place = resolve(root, path)?;
    let metadata = match place.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !metadata.is_file() {
        let path = path.to_owned();
        return Err(StoreError::NotAFile { path });
    }
    Ok(Some(OnDisk {
        bytes: fs_err::read(&place)?,
        is_executable: is_executable(&metadata),
    }))
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

/// Elsewhere there is no such bit; Git keeps it.
#[cfg(not(unix))]
fn is_executable(_metadata: &std::fs::Metadata) -> bool {
    false
}
