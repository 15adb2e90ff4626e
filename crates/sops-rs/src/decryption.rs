//! Decryption leaf by leaf: up to the first value that fails, or past all of them.

use crate::cipher::{Cipher, CipherError, is_encrypted, nonce_of};
use crate::encrypted_file::{DecryptError, Warning};
use crate::operations::KnownIvs;
use crate::path::ValuePath;
use crate::scalar::{Plain, Scalar, ScalarType};
use crate::tree::Comment;
use crate::walk::{Leaf, MacHash, Visit, Visitor};

/// What happens at a value that does not decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failures {
    /// Decryption ends.
    Stop,
    /// The value stays as it is, and decryption goes on.
    Collect,
}

pub(crate) struct Decryption<'a> {
    pub(crate) cipher: &'a Cipher<'a>,
    pub(crate) mac: MacHash,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) ivs: Option<&'a mut KnownIvs>,
    pub(crate) mode: Failures,
    pub(crate) failures: Vec<DecryptError>,
    /// Whether a comment has the form of an encrypted one and did not decrypt in its place.
    pub(crate) lost_comments: bool,
}

impl<'a> Decryption<'a> {
    pub(crate) fn new(cipher: &'a Cipher<'a>, mac: MacHash, mode: Failures) -> Self {
        Self {
            cipher,
            mac,
            warnings: Vec::new(),
            ivs: None,
            mode,
            failures: Vec::new(),
            lost_comments: false,
        }
    }

    /// Decrypts a text in its place.
    fn open(&mut self, text: &str, visit: &Visit<'_>) -> Result<Plain, CipherError> {
        let plain = self.cipher.decrypt(text, visit.aad)?;
        if let Some(ivs) = &mut self.ivs
            && let Some(nonce) = nonce_of(text)
        {
            match &plain {
                Plain::Scalar(scalar) => {
                    ivs.remember(nonce, &scalar.bytes(), scalar.kind(), visit);
                }
                Plain::Comment(comment) => {
                    let bytes = comment.text.as_bytes();
                    ivs.remember(nonce, bytes, ScalarType::Comment, visit);
                }
            }
        }
        Ok(plain)
    }

    fn decrypted(&mut self, scalar: &Scalar, visit: &Visit<'_>) -> Result<Plain, DecryptError> {
        let path = || visit.path.clone();
        let Some(text) = scalar.as_str() else {
            let found = match scalar {
                Scalar::Int(_) | Scalar::Float(_) => "a number",
                Scalar::Bool(_) => "a boolean",
                Scalar::Time(_) => "a date",
                Scalar::Str(_) => "bytes that are not text",
            };
            let path = path();
            return Err(DecryptError::PlainValue { path, found });
        };
        let opened = self.open(text, visit);
        opened.map_err(|source| DecryptError::Value {
            path: path(),
            source,
        })
    }
}

impl Visitor for Decryption<'_> {
    type Error = DecryptError;

    fn scalar(&mut self, scalar: Scalar, visit: &Visit<'_>) -> Result<Leaf, DecryptError> {
        if !visit.selected || scalar.is_empty() {
            self.mac.add(&scalar, visit.selected);
            return Ok(Leaf::Scalar(scalar));
        }
        match self.decrypted(&scalar, visit) {
            Ok(Plain::Scalar(scalar)) => {
                self.mac.add(&scalar, true);
                Ok(Leaf::Scalar(scalar))
            }
            Ok(Plain::Comment(comment)) => Ok(Leaf::Comment(comment)),
            Err(error) if self.mode == Failures::Collect => {
                self.failures.push(error);
                Ok(Leaf::Scalar(scalar))
            }
            Err(error) => Err(error),
        }
    }

    fn comment(&mut self, comment: Comment, visit: &Visit<'_>) -> Result<Comment, DecryptError> {
        if !visit.selected || comment.text.is_empty() {
            // It may have come here from a place that the rule selects.
            self.lost_comments |= is_encrypted(&comment.text);
            return Ok(comment);
        }
        let text = match self.open(&comment.text, visit) {
            Ok(Plain::Comment(comment)) => return Ok(comment),
            // Somebody commented out a value of a list. `sops` still counts it.
            Ok(Plain::Scalar(scalar)) => {
                self.mac.add(&scalar, true);
                scalar.as_str().map(Comment::new)
            }
            Err(_) if is_encrypted(&comment.text) => {
                self.lost_comments = true;
                return Ok(comment);
            }
            Err(_) => None,
        };
        Ok(text.unwrap_or_else(|| {
            let path = visit.path.clone();
            self.warnings.push(Warning::ClearComment { path });
            comment
        }))
    }

    fn misplaced(&mut self, path: &ValuePath) -> DecryptError {
        DecryptError::MisplacedComment { path: path.clone() }
    }
}
