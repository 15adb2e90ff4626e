//! Files whose contents are overwritten where they lie, before they are removed.
//!
//! An editor may leave anything beside a file, links to other places among it: only what lies in the
//! folder itself is touched.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Overwrites every regular file below a folder that has no other name anywhere. What cannot be
/// overwritten is passed over: it is removed all the same.
pub(super) fn overwrite_below(folder: &Path) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            // Of a symbolic link this is the link itself.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) if metadata.is_file() && metadata.nlink() == 1 => {
                    let _ = overwrite(&entry.path(), &metadata);
                }
                _ => {}
            }
        }
    }
}

/// Overwrites the blocks that a file has: truncating it would only give them back. `known` is what
/// was looked at; where a link has taken its place meanwhile, nothing is written.
fn overwrite(path: &Path, known: &Metadata) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (known.dev(), known.ino()) {
        return Ok(());
    }
    let mut left = opened.len();
    while left > 0 {
        let part = left.min(ZEROS.len() as u64);
        file.write_all(&ZEROS[..usize::try_from(part).unwrap_or(ZEROS.len())])?;
        left -= part;
    }
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn blocks_are_overwritten_in_every_folder_and_links_are_not_followed() {
        let base = tempfile::tempdir().unwrap();
        let inside = base.path().join("inside");
        std::fs::create_dir_all(inside.join("deep")).unwrap();
        let long = "x".repeat(100_000);
        let files = [
            inside.join("a"),
            inside.join("deep/b"),
            base.path().join("linked"),
            base.path().join("named-twice"),
        ];
        for file in &files {
            std::fs::write(file, &long).unwrap();
        }
        std::os::unix::fs::symlink(&files[2], inside.join("link")).unwrap();
        std::fs::hard_link(&files[3], inside.join("other-name")).unwrap();
        // What was open before sees the same blocks.
        let mut open: Vec<File> = files.iter().map(|file| File::open(file).unwrap()).collect();
        overwrite_below(&inside);
        let mut read = open.iter_mut().map(|file| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let zeros = vec![0; long.len()];
        assert!(read.next() == Some(zeros.clone()), "a");
        assert!(read.next() == Some(zeros), "deep/b");
        assert!(read.next().as_deref() == Some(long.as_bytes()), "linked");
        assert!(read.next().as_deref() == Some(long.as_bytes()), "twice");
    }
}
