//! The reply of the Kubeconfig method: one file in a gzipped tar archive.

use std::io::{self, Read as _};

use flate2::read::GzDecoder;
use tar::Archive;

/// More than any archive of one kubeconfig, however many authorities it lists.
pub(crate) const MAX_ARCHIVE: usize = 4 * 1024 * 1024;

/// Why an archive holds no kubeconfig.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("a damaged archive")]
    Damaged(#[source] io::Error),
    #[error("an archive without a `kubeconfig`")]
    Missing,
}

/// Takes the kubeconfig out of the archive.
///
/// Talos ends the archive right after the file's last byte, without the padding and the trailer
/// that tar asks for, so nothing behind the file is read.
pub(crate) fn unpack(archive: &[u8]) -> Result<String, UnpackError> {
    // To the end, since the checksum stands there.
    let mut unpacked = Vec::new();
    GzDecoder::new(archive)
        .take(MAX_ARCHIVE as u64)
        .read_to_end(&mut unpacked)
        .map_err(UnpackError::Damaged)?;
    let mut archive = Archive::new(unpacked.as_slice());
    for entry in archive.entries().map_err(UnpackError::Damaged)? {
        let mut entry = entry.map_err(UnpackError::Damaged)?;
        let path = entry.path().map_err(UnpackError::Damaged)?;
        if path.file_name().is_some_and(|name| name == "kubeconfig") {
            let mut text = String::new();
            entry
                .read_to_string(&mut text)
                .map_err(UnpackError::Damaged)?;
            return Ok(text);
        }
    }
    Err(UnpackError::Missing)
}

/// Packs a kubeconfig as a node does: no padding, no trailer.
#[cfg(feature = "server")]
pub(crate) fn pack(kubeconfig: &str) -> Vec<u8> {
    let packed = || {
        use std::io::Write as _;

        let mut header = tar::Header::new_ustar();
        header.set_path("kubeconfig")?;
        header.set_mode(0o600);
        header.set_size(kubeconfig.len() as u64);
        header.set_cksum();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(header.as_bytes())?;
        gzip.write_all(kubeconfig.as_bytes())?;
        gzip.finish()
    };
    let packed: io::Result<Vec<u8>> = packed();
    packed.expect("memory takes all, and the name is short")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    /// `printf 'apiVersion: v1\nkind: Config\n' > kubeconfig`, then GNU tar 1.34 (`--format=ustar
    /// --mtime=@0`), cut off behind the file's last byte, then GNU gzip 1.12.
    const BY_OTHER_PROGRAMS: &str = "H4sIAAAAAAAAA8suTUpNzs9Ly0xnoBkwAAIzExMwDQTotIGBsQmCDRI3NDYwNWRQMKCdkxCgtLgksQhofVF+fgk+dYTk0T03REBiQWZYalFxZn6elUKZIVd2Zl6KlYIzOEFwAQCvgIzYHAIAAA==";

    fn archive() -> Vec<u8> {
        BASE64_STANDARD.decode(BY_OTHER_PROGRAMS).expect("base64")
    }

    #[test]
    fn takes_the_file_out_of_an_archive_that_ends_with_it() {
        let text = unpack(&archive()).expect("whole");
        assert_eq!(text, "apiVersion: v1\nkind: Config\n");
    }

    #[test]
    fn refuses_what_is_cut_off_or_something_else() {
        let whole = archive();
        for length in 0..whole.len() {
            assert!(unpack(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(matches!(
            unpack(b"no gzip at all"),
            Err(UnpackError::Damaged(_))
        ));
    }

    #[cfg(feature = "server")]
    #[test]
    fn unpacks_what_a_node_packs() {
        let archive = pack("kind: Config\n");
        assert_eq!(unpack(&archive).expect("whole"), "kind: Config\n");
    }
}
