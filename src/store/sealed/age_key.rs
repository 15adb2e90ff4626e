//! The repository's own age key.

use camino::Utf8Path;
use sops_rs::Identity;
use zeroize::Zeroizing;

use crate::store::{CreateError, Readers, create};

/// Where the private key lies in a repository; Git must never see it.
pub const AGE_KEY_FILE: &str = ".sops/age.key";

/// Why the repository's key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AgeKeyError {
    /// Its folder cannot be closed to others.
    #[error("cannot close the folder of `{AGE_KEY_FILE}` to other users")]
    Folder(#[source] std::io::Error),
    /// It is there and holds no key.
    #[error("`{AGE_KEY_FILE}` holds no age key that can be used")]
    Unusable,
    /// It is there and cannot be read.
    #[error("cannot read `{AGE_KEY_FILE}`")]
    Read(#[source] std::io::Error),
    /// The file cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
}

/// The repository's own key, by its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// The public half.
    pub recipient: String,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// Returns the repository's own key; makes it when there is none.
pub fn own_key(root: &Utf8Path) -> Result<OwnKey, AgeKeyError> {
    match fs_err::read_to_string(root.join(AGE_KEY_FILE)) {
        Ok(text) => existing(&Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let identity = Identity::generate();
            write(root, &identity)?;
            Ok(OwnKey {
                recipient: identity.public_part(),
                is_new: true,
            })
        }
        Err(error) => Err(AgeKeyError::Read(error)),
    }
}

fn existing(text: &str) -> Result<OwnKey, AgeKeyError> {
    let key = text.lines().find_map(|line| Identity::parse(line).ok());
    let recipient = key.and_then(|key| Some(key.recipient()?.to_string()));
    Ok(OwnKey {
        recipient: recipient.ok_or(AgeKeyError::Unusable)?,
        is_new: false,
    })
}

/// Writes a key, readable by its owner only, in a folder that Git passes over.
pub(super) fn write(root: &Utf8Path, identity: &Identity) -> Result<(), AgeKeyError> {
    let file = Utf8Path::new(AGE_KEY_FILE);
    let folder = file.parent().unwrap_or(file);
    close(&root.join(folder)).map_err(AgeKeyError::Folder)?;
    match create(root, &folder.join(".gitignore"), b"*\n", Readers::All) {
        Ok(()) | Err(CreateError::Exists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let secret = identity.to_text().ok_or(AgeKeyError::Unusable)?;
    let text = Zeroizing::new(format!(
        "# public key: {}\n{}\n",
        identity.public_part(),
        *secret
    ));
    Ok(create(root, file, text.as_bytes(), Readers::Owner)?)
}

fn close(folder: &Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
