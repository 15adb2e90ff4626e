//! A plain document, and how it becomes an encrypted one.

use jiff::Timestamp;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::cipher::{Cipher, is_encrypted};
use crate::codec;
use crate::data_key::{DataKey, WrapError};
use crate::encrypted_file::EncryptedFile;
use crate::format::Format;
use crate::json;
use crate::layout::Layout;
use crate::metadata::{Metadata, WRITTEN_VERSION};
use crate::operations::Ivs;
use crate::parse_error::ParseError;
use crate::path::ValuePath;
use crate::rule::EncryptionRule;
use crate::scalar::{Scalar, ScalarType, Time};
use crate::selection::Selection;
use crate::shape::{self, ShapeError};
use crate::tree::{Comment, Element, Mapping, Tree, Value};
use crate::walk::{Leaf, MacHash, Visit, Visitor, walk};

/// A document in the clear. It cannot be printed by accident.
#[derive(Clone, PartialEq)]
pub struct Document {
    pub(crate) format: Format,
    pub(crate) tree: Tree,
}

/// A document that cannot be encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// It has the reserved key already.
    #[error("the document is already encrypted, or uses the reserved key `sops` itself")]
    AlreadyEncrypted,
    /// There is nobody to encrypt for.
    #[error("there is no recipient to encrypt for")]
    NoRecipients,
    /// An encrypted comment would match the rule that keeps comments clear, and could never be
    /// told apart from one.
    #[error("{path}: the rule `unencrypted_comment_regex` would match the encrypted comment")]
    CommentMatches {
        /// Where it stands.
        path: ValuePath,
    },
    /// A comment stands between the one that `encrypted_comment_regex` matches and the value that it is
    /// for. In a list it would become an element, and `sops` would not find the value encrypted.
    #[error(
        "{path}: a comment stands between the one that the rule `encrypted_comment_regex` matches and its value: put that one last"
    )]
    CommentBetween {
        /// Where it stands.
        path: ValuePath,
    },
    /// A value is encrypted already: its plaintext, or the key that opens it, is missing.
    #[error("{path}: the value is encrypted already, with a key that this file would lose")]
    EncryptedValue {
        /// Where it stands.
        path: ValuePath,
    },
    /// A value that stays in the clear cannot be written.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The data key could not be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapError),
}

impl Document {
    /// Reads a document.
    pub fn parse(format: Format, bytes: &(impl AsRef<[u8]> + ?Sized)) -> Result<Self, ParseError> {
        Ok(Self {
            format,
            tree: codec::load_plain(format, bytes.as_ref())?,
        })
    }

    /// Finds a number of a text that a document does not hold to its last digit: an integer beyond 64
    /// bits in JSON is a float for `sops`, and so it is here.
    ///
    /// ```
    /// use sops_rs::{Document, Format};
    ///
    /// assert!(Document::lost_digits(Format::Json, b"{\"id\": 12345678901234567890}").is_some());
    /// assert!(Document::lost_digits(Format::Json, b"{\"id\": 1234567890}").is_none());
    /// ```
    pub fn lost_digits(format: Format, bytes: &[u8]) -> Option<ParseError> {
        let text = std::str::from_utf8(bytes).ok()?;
        (format == Format::Json).then(|| json::lost_digits(text))?
    }

    /// Makes a document of a tree, if the format can hold it. This is how a document changes its
    /// format; what the other has no place for, as JSON has none for comments, is not printed.
    pub fn from_tree(format: Format, tree: Tree) -> Result<Self, ShapeError> {
        shape::check(format, &tree)?;
        Ok(Self { format, tree })
    }

    /// Returns its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns its data.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns its data, to make another document of.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Tells whether it has the reserved key, which makes it an encrypted file or none at all. A
    /// binary document has none, but may be an encrypted file as a whole.
    pub fn is_encrypted(&self) -> bool {
        if self.format == Format::Binary {
            return EncryptedFile::parse(self.format, &self.to_bytes()).is_ok();
        }
        let mut documents = self.tree.documents.iter();
        documents.any(|document| Metadata::is_in(document, self.format))
    }

    /// Returns what a rule selects in it: of a binary file always everything.
    pub(crate) fn selection_of<'a>(&self, rule: &'a EncryptionRule) -> &'a Selection {
        match self.format {
            Format::Binary => &Selection::All,
            _ => rule.selection(),
        }
    }

    /// Prints it in the default layout.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.to_bytes_with(Layout::default())
    }

    /// Prints it.
    pub fn to_bytes_with(&self, layout: Layout) -> Zeroizing<Vec<u8>> {
        codec::emit_plain(self.format, &self.tree, layout)
    }

    /// Encrypts it, with a fresh data key and the time of now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the default at the edge; `encrypt_with` takes it"
    )]
    pub fn encrypt(&self, rule: &EncryptionRule) -> Result<EncryptedFile, EncryptError> {
        self.encrypt_with(rule, Timestamp::now(), &mut rand::rngs::OsRng)
    }

    /// Encrypts it with the given time and randomness. What age adds to wrap the data key is
    /// random all the same. Of a binary file everything is encrypted, whatever the rule selects.
    pub fn encrypt_with(
        &self,
        rule: &EncryptionRule,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<EncryptedFile, EncryptError> {
        if self.is_encrypted() {
            return Err(EncryptError::AlreadyEncrypted);
        }
        if rule.recipients().next().is_none() {
            return Err(EncryptError::NoRecipients);
        }
        let selection = self.selection_of(rule);
        let key = DataKey::generate(rng);
        let mut metadata = Metadata {
            key_groups: rule.groups().wrap(&key, rng)?,
            shamir_threshold: rule.groups().threshold(),
            selection: selection.clone(),
            mac_only_encrypted: rule.mac_only_encrypted(),
            last_modified: Time::from_timestamp(now),
            mac: String::new(),
            version: WRITTEN_VERSION.to_owned(),
            unknown: Mapping::default(),
        };
        let mut ivs = Ivs::fresh(rng);
        let encrypted = encrypt_tree(self.clone(), &key, &metadata, &mut ivs)?;
        encrypted.state_mac(&key, &mut metadata, now, &mut ivs);
        Ok(EncryptedFile::new(self.format, encrypted.tree, metadata))
    }
}

/// An encrypted tree, and the hash of what it was.
pub(crate) struct Encrypted {
    pub(crate) tree: Tree,
    mac: Zeroizing<String>,
}

/// Encrypts the selected leaves of a document.
pub(crate) fn encrypt_tree<R: RngCore + CryptoRng>(
    document: Document,
    key: &DataKey,
    metadata: &Metadata,
    ivs: &mut Ivs<'_, R>,
) -> Result<Encrypted, EncryptError> {
    let Document { format, mut tree } = document;
    shape::check_encryptable(format, &tree)?;
    let cipher = Cipher::new(key);
    let mut encryption = Encryption {
        cipher: &cipher,
        selection: &metadata.selection,
        mac: MacHash::new(metadata.mac_only_encrypted),
        ivs,
    };
    walk(&mut tree, &metadata.selection, &mut encryption)?;
    shape::check_written(format, &tree)?;
    let mac = Zeroizing::new(encryption.mac.finish());
    Ok(Encrypted { tree, mac })
}

impl Encrypted {
    /// States the MAC, and the time that it is bound to.
    pub(crate) fn state_mac<R: RngCore + CryptoRng>(
        &self,
        key: &DataKey,
        metadata: &mut Metadata,
        now: Timestamp,
        ivs: &mut Ivs<'_, R>,
    ) {
        metadata.last_modified = Time::from_timestamp(now);
        let (cipher, aad) = (Cipher::new(key), metadata.mac_aad());
        let mac = self.mac.as_bytes();
        metadata.mac = cipher.encrypt(mac, ScalarType::Str, &aad, &ivs.random());
    }
}

/// Encrypts leaf by leaf.
struct Encryption<'a, 'i, R> {
    cipher: &'a Cipher<'a>,
    selection: &'a Selection,
    mac: MacHash,
    ivs: &'a mut Ivs<'i, R>,
}

impl<R: RngCore + CryptoRng> Encryption<'_, '_, R> {
    fn encrypt_comment(
        &mut self,
        comment: &Comment,
        visit: &Visit<'_>,
    ) -> Result<String, EncryptError> {
        let text = comment.text.as_bytes();
        let nonce = self.ivs.next(text, ScalarType::Comment, visit);
        let encrypted = self
            .cipher
            .encrypt(text, ScalarType::Comment, visit.aad, &nonce);
        let keeps_clear = matches!(self.selection, Selection::UnencryptedCommentRegex(_));
        if keeps_clear && self.selection.matches_comment(&encrypted) {
            return Err(EncryptError::CommentMatches {
                path: visit.path.clone(),
            });
        }
        Ok(encrypted)
    }
}

impl<R: RngCore + CryptoRng> Visitor for Encryption<'_, '_, R> {
    type Error = EncryptError;

    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, EncryptError> {
        self.mac.add(&scalar, visit.selected);
        if !visit.selected || scalar.is_empty() {
            return Ok(Leaf::Scalar(scalar));
        }
        if scalar.as_str().is_some_and(is_encrypted) {
            let path = visit.path.clone();
            return Err(EncryptError::EncryptedValue { path });
        }
        let (bytes, kind) = (scalar.bytes(), scalar.kind());
        let nonce = self.ivs.next(&bytes, kind, visit);
        let encrypted = self.cipher.encrypt(&bytes, kind, visit.aad, &nonce);
        Ok(Leaf::Scalar(Scalar::from(encrypted.as_str())))
    }

    fn comment(&mut self, comment: Comment, visit: &Visit<'_>) -> Result<Comment, EncryptError> {
        if !visit.selected {
            return Ok(comment);
        }
        let text = self.encrypt_comment(&comment, visit)?;
        Ok(Comment {
            text: Zeroizing::new(text),
            inline: comment.inline,
        })
    }

    /// An encrypted comment of a list is an element of its own. An empty one stays a comment:
    /// there is nothing to encrypt, and as an element it would come back as a value.
    fn list_comment(
        &mut self,
        comment: Comment,
        visit: &Visit<'_>,
    ) -> Result<Element, EncryptError> {
        if !visit.selected || comment.text.is_empty() {
            return Ok(Element::Comment(comment));
        }
        if visit.by_comment {
            let path = visit.path.clone();
            return Err(EncryptError::CommentBetween { path });
        }
        let text = self.encrypt_comment(&comment, visit)?;
        Ok(Element::Value(Value::from(text.as_str())))
    }

    fn misplaced(&mut self, path: &ValuePath) -> EncryptError {
        EncryptError::CommentMatches { path: path.clone() }
    }
}
