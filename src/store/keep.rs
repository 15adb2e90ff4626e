//! Replacing a file that somebody else keeps, such as a kubeconfig: atomically, readable by its
//! owner only, and the file as it was kept beside it.

use std::io::{self, ErrorKind, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

/// Reads a file, nothing if it is not there.
pub fn read_if_there(path: &Utf8Path) -> io::Result<Option<String>> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file, or makes it with its folders; returns where the file as it was is kept, if
/// there is one. Where nothing is lost, a file that is kept already stays. A link to a file stays one.
pub fn replace(path: &Utf8Path, content: &[u8], loses: bool) -> io::Result<Option<Utf8PathBuf>> {
    let target = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder.to_owned(),
        _ => Utf8PathBuf::from("."),
    };
    fs_err::create_dir_all(&folder)?;
    let backup = match read_if_there(&target)? {
        Some(before) => {
            let backup = Utf8PathBuf::from(format!("{target}.bak"));
            if loses || !backup.exists() {
                put(&folder, &backup, before.as_bytes())?;
            }
            Some(backup)
        }
        None => None,
    };
    put(&folder, &target, content)?;
    Ok(backup)
}

/// Temporary files are their owner's only, and stay so when they are renamed.
fn put(folder: &Utf8Path, path: &Utf8Path, content: &[u8]) -> io::Result<()> {
    let mut temporary = NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn keeps_the_file_as_it_was_and_the_link_to_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let folder = Utf8Path::from_path(folder.path()).expect("UTF-8");
        let path = folder.join("new/config");
        assert_eq!(read_if_there(&path).expect("reads"), None);
        assert_eq!(replace(&path, b"one", true).expect("writes"), None);
        let link = folder.join("link");
        symlink(&path, &link).expect("a link");
        let backup = replace(&link, b"two", true)
            .expect("writes")
            .expect("a backup");
        assert_eq!(std::fs::read_to_string(&backup).expect("is there"), "one");
        assert_eq!(std::fs::read_to_string(&path).expect("is there"), "two");
        assert!(link.is_symlink());
        let metadata = std::fs::metadata(&path).expect("is there");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let again = replace(&path, b"three", false).expect("writes");
        let again = again.expect("it is still there");
        assert_eq!(std::fs::read_to_string(again).expect("is there"), "one");
    }
}
