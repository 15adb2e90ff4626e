//! An encrypted file, and how it is opened.

use zeroize::Zeroizing;

use crate::cipher::{Cipher, CipherError, is_encrypted};
use crate::codec;
use crate::data_key::DataKey;
use crate::decryption::{Decryption, Failures};
use crate::document::Document;
use crate::format::Format;
use crate::keys::Identities;
use crate::layout::Layout;
use crate::lost_comments::rescue;
use crate::mac_cause::MacCause;
use crate::metadata::{Metadata, MetadataError};
use crate::operations::KnownIvs;
use crate::parse_error::ParseError;
use crate::path::ValuePath;
use crate::scalar::Plain;
use crate::shape::{self, ShapeError};
use crate::tree::{Mapping, Tree, Value};
use crate::unlock::UnlockError;
use crate::walk::{MacHash, walk};

/// An encrypted file.
#[derive(Clone)]
pub struct EncryptedFile {
    format: Format,
    tree: Tree,
    metadata: Metadata,
}

/// What came out of a file.
pub struct Decrypted {
    /// The document.
    pub document: Document,
    /// What was odd about the file, but no reason to refuse it.
    pub warnings: Vec<Warning>,
}

/// Something odd.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A comment that should be encrypted is not, or not for this place; it was kept as it is.
    ClearComment {
        /// The container it stands in.
        path: ValuePath,
    },
    /// A comment was encrypted for another place; it was decrypted all the same.
    MovedComment {
        /// The container it stands in.
        path: ValuePath,
    },
}

/// Whether the MAC is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MacCheck {
    /// It is, and a mismatch is an error.
    #[default]
    Required,
    /// It is not.
    Skipped,
}

/// A file that does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// It cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Its format cannot hold what is in it.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// It is not encrypted, or what it says about itself cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// No identity at hand opens its data key.
    #[error(transparent)]
    Key(#[from] UnlockError),
    /// A value does not decrypt.
    #[error("{path}: {source}")]
    Value {
        /// Where it stands.
        path: ValuePath,
        /// Why.
        source: CipherError,
    },
    /// A value that is no text stands where an encrypted one should.
    #[error("{path}: expected an encrypted value, found {found}")]
    PlainValue {
        /// Where it stands.
        path: ValuePath,
        /// What it is.
        found: &'static str,
    },
    /// A value turned out to be a comment.
    #[error("{path}: a comment is encrypted in place of a value")]
    MisplacedComment {
        /// Where it stands.
        path: ValuePath,
    },
    /// The file has no MAC.
    #[error("the file has no MAC: nothing proves that its values are complete and unchanged")]
    NoMac,
    /// The MAC does not decrypt.
    #[error("the MAC does not belong to this file and its `lastmodified`")]
    MacUnreadable(#[source] CipherError),
    /// The MAC belongs to other contents, and a key occurs twice.
    #[error("{path}: the key is there twice, and the MAC does not match the contents")]
    DuplicateKey {
        /// The second of them.
        path: ValuePath,
    },
    /// The MAC belongs to other contents.
    #[error("the MAC does not match the contents: {cause}")]
    MacMismatch {
        /// Why, as far as can be told.
        cause: MacCause,
    },
}

impl EncryptedFile {
    pub(crate) fn new(format: Format, tree: Tree, metadata: Metadata) -> Self {
        Self {
            format,
            tree,
            metadata,
        }
    }

    /// Reads an encrypted file.
    pub fn parse(
        format: Format,
        bytes: &(impl AsRef<[u8]> + ?Sized),
    ) -> Result<Self, DecryptError> {
        let mut tree = codec::load_encrypted(format, bytes.as_ref())?;
        let metadata = Metadata::take_from(&mut tree, format)?;
        shape::check_encrypted(format, &tree)?;
        Ok(Self {
            format,
            tree,
            metadata,
        })
    }

    /// Returns the same file with other metadata.
    pub(crate) fn with_metadata(&self, metadata: Metadata) -> Self {
        Self {
            metadata,
            ..self.clone()
        }
    }

    /// Returns what the file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the data; the selected values in it are encrypted.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns how many values are encrypted.
    pub fn encrypted_values(&self) -> usize {
        let documents = self.tree.documents.iter();
        let entries = documents.flat_map(Mapping::entries);
        entries.map(|entry| count_encrypted(&entry.value)).sum()
    }

    /// Prints it in the default layout.
    pub fn to_text(&self) -> String {
        self.to_text_with(Layout::default())
    }

    /// Prints it; an encrypted file is text in every format.
    #[expect(
        clippy::missing_panics_doc,
        reason = "`shape` checked that an encrypted tree holds only text"
    )]
    pub fn to_text_with(&self, layout: Layout) -> String {
        let mut tree = self.tree.clone();
        self.metadata.append_to(&mut tree, self.format);
        let mut bytes = codec::emit_encrypted(self.format, &tree, layout);
        drop(tree);
        // Nothing in it is secret, and it may be large: it is taken, not copied.
        String::from_utf8(std::mem::take(&mut *bytes)).expect("it holds only text")
    }

    /// Opens it with whichever identity fits, and checks the MAC.
    pub fn decrypt(&self, identities: &Identities) -> Result<Decrypted, DecryptError> {
        let key = self.data_key(identities)?;
        self.decrypt_with(&key, MacCheck::Required)
    }

    /// Unwraps the data key; [`Metadata::unlock`] tells with which keys, too.
    pub fn data_key(&self, identities: &Identities) -> Result<DataKey, DecryptError> {
        Ok(self.metadata.unlock(identities)?.key)
    }

    /// Opens it with its data key.
    pub fn decrypt_with(&self, key: &DataKey, check: MacCheck) -> Result<Decrypted, DecryptError> {
        self.decrypt_remembering(key, check, None)
    }

    /// Opens it, and remembers the nonces of its values.
    pub(crate) fn decrypt_remembering(
        &self,
        key: &DataKey,
        check: MacCheck,
        ivs: Option<&mut KnownIvs>,
    ) -> Result<Decrypted, DecryptError> {
        let metadata = &self.metadata;
        let cipher = Cipher::new(key);
        let mut tree = self.tree.clone();
        let mac = MacHash::new(metadata.mac_only_encrypted);
        let mut decryption = Decryption::new(&cipher, mac, Failures::Stop);
        decryption.ivs = ivs;
        walk(&mut tree, &metadata.selection, &mut decryption)?;
        let Decryption {
            mac,
            mut warnings,
            lost_comments,
            ..
        } = decryption;
        if lost_comments {
            warnings.extend(rescue(&mut tree, &metadata.selection, &cipher));
        }
        if check == MacCheck::Required {
            self.check_mac(&cipher, mac, &mut tree)?;
        }
        let document = Document::from_tree(self.format, tree)?;
        Ok(Decrypted { document, warnings })
    }

    /// Compares the MAC of a decrypted tree with the one that the file states.
    pub(crate) fn check_mac(
        &self,
        cipher: &Cipher<'_>,
        mac: MacHash,
        tree: &mut Tree,
    ) -> Result<(), DecryptError> {
        let stated = self.stated_mac(cipher)?;
        if *stated == mac.finish().into_bytes() {
            return Ok(());
        }
        if let Some(path) = self.tree.duplicate_key() {
            return Err(DecryptError::DuplicateKey { path });
        }
        let cause = MacCause::of(&self.metadata, tree, &stated);
        Err(DecryptError::MacMismatch { cause })
    }

    fn stated_mac(&self, cipher: &Cipher<'_>) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        if self.metadata.mac.is_empty() {
            return Err(DecryptError::NoMac);
        }
        let aad = self.metadata.mac_aad();
        match cipher.decrypt(&self.metadata.mac, &aad) {
            Ok(Plain::Scalar(scalar)) => Ok(scalar.bytes()),
            Ok(Plain::Comment(_)) => Err(DecryptError::NoMac),
            Err(error) => Err(DecryptError::MacUnreadable(error)),
        }
    }
}

/// Counts the values that have the form of encrypted ones.
fn count_encrypted(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Scalar(scalar) => usize::from(scalar.as_str().is_some_and(is_encrypted)),
        Value::Mapping(mapping) => mapping
            .entries()
            .map(|entry| count_encrypted(&entry.value))
            .sum(),
        Value::Sequence(_) => value
            .elements()
            .into_iter()
            .flatten()
            .map(count_encrypted)
            .sum(),
    }
}
