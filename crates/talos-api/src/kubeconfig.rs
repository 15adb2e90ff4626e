//! The reply of the Kubeconfig method: one file in a gzipped tar archive.

use crate::gunzip::{GunzipError, gunzip};

/// More than any archive of one kubeconfig, however many authorities it lists.
pub(crate) const MAX_ARCHIVE: usize = 4 * 1024 * 1024;

const BLOCK: usize = 512;

/// Why an archive holds no kubeconfig.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("a damaged archive: {0}")]
    Gunzip(#[from] GunzipError),
    #[error("an archive without a `kubeconfig`")]
    Missing,
    #[error("a kubeconfig that is not UTF-8")]
    Encoding,
}

/// Takes the kubeconfig out of the archive.
///
/// Talos ends the archive right after the file's last byte, without the padding and the trailer
/// that tar asks for.
pub(crate) fn unpack(archive: &[u8]) -> Result<String, UnpackError> {
    let tar = gunzip(archive, MAX_ARCHIVE)?;
    let mut rest = tar.as_slice();
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        let name = header[..100].split(|byte| *byte == 0).next();
        let size = octal(&header[124..136]).ok_or(UnpackError::Missing)?;
        let content = after.get(..size).ok_or(UnpackError::Missing)?;
        if name.is_some_and(|name| name.rsplit(|byte| *byte == b'/').next() == Some(b"kubeconfig"))
        {
            return String::from_utf8(content.to_vec()).map_err(|_| UnpackError::Encoding);
        }
        rest = after
            .get(size.next_multiple_of(BLOCK)..)
            .unwrap_or_default();
    }
    Err(UnpackError::Missing)
}

fn octal(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?;
    usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}
