//! A damaged file: everything that can still be read, and a list of what cannot.

use crate::cipher::Cipher;
use crate::data_key::DataKey;
use crate::decryption::{Decryption, Failures};
use crate::document::Document;
use crate::encrypted_file::{DecryptError, EncryptedFile, Warning};
use crate::lost_comments::rescue;
use crate::walk::{MacHash, walk};

/// What could be saved of a file.
pub struct Salvage {
    /// The document; values that failed are in it as they stand in the file.
    pub document: Document,
    /// Every value that failed, and why. Each error names the value's path.
    pub failures: Vec<DecryptError>,
    /// Why the MAC does not prove that the values are complete and unchanged; `None` if it does.
    /// Values that failed have no part in it.
    pub mac: Option<DecryptError>,
    /// What was odd about the file besides.
    pub warnings: Vec<Warning>,
}

impl EncryptedFile {
    /// Opens what can be opened with the file's data key, past values that fail.
    ///
    /// ```
    /// use sops_rs::{Document, EncryptedFile, EncryptionRule, Format, Identities, Identity};
    ///
    /// let identity = Identity::generate();
    /// let rule = EncryptionRule::for_recipients(identity.recipient());
    /// let file = Document::parse(Format::Yaml, "a: one\nb: two\n")?.encrypt(&rule)?;
    ///
    /// let renamed = file.to_text().replace("\nb:", "\nc:");
    /// let file = EncryptedFile::parse(Format::Yaml, &renamed)?;
    /// let key = file.data_key(&Identities::from(identity))?;
    /// assert!(file.decrypt_with(&key, sops_rs::MacCheck::Skipped).is_err());
    ///
    /// let salvage = file.salvage(&key)?;
    /// assert_eq!(salvage.document.get(&"a".parse()?)?.as_str(), Some("one"));
    /// assert_eq!(
    ///     salvage.failures[0].to_string(),
    ///     "c: the encrypted value was changed, or moved to another key"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn salvage(&self, key: &DataKey) -> Result<Salvage, DecryptError> {
        let metadata = self.metadata();
        let cipher = Cipher::new(key);
        let mut tree = self.tree().clone();
        let mac = MacHash::new(metadata.mac_only_encrypted);
        let mut decryption = Decryption::new(&cipher, mac, Failures::Collect);
        walk(&mut tree, &metadata.selection, &mut decryption)?;
        let Decryption {
            mac,
            mut warnings,
            failures,
            lost_comments,
            ..
        } = decryption;
        if lost_comments {
            warnings.extend(rescue(&mut tree, &metadata.selection, &cipher));
        }
        let mac = self.check_mac(&cipher, mac, &mut tree).err();
        Ok(Salvage {
            document: Document::from_tree(self.format(), tree)?,
            failures,
            mac,
            warnings,
        })
    }
}
