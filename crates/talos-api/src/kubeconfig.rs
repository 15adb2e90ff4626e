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

/// Packs a kubeconfig as a node does: no padding, no trailer, nothing compressed.
#[cfg(feature = "server")]
pub(crate) fn pack(kubeconfig: &str) -> Vec<u8> {
    let mut tar = vec![0; BLOCK];
    tar[..10].copy_from_slice(b"kubeconfig");
    tar[100..107].copy_from_slice(b"0000600");
    tar[124..135].copy_from_slice(format!("{:011o}", kubeconfig.len()).as_bytes());
    tar[156] = b'0';
    tar[257..265].copy_from_slice(b"ustar\x0000");
    tar[148..156].fill(b' ');
    let checksum: u32 = tar.iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    tar.extend_from_slice(kubeconfig.as_bytes());
    crate::gunzip::gzip_stored(&tar)
}
