//! The key of one file, and how it is wrapped for a recipient.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age_core::format::{FileKey, Stanza};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::keys::{IdentityFailure, LoadedIdentity, Recipient};

/// Length of a data key.
const LENGTH: usize = 32;

/// The most that an age file around a data key or a share of one may hold.
const MAX_WRAPPED: u64 = 1024;

/// The key that encrypts the values of one file.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; LENGTH]>);

/// A data key that could not be wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// age refused to encrypt.
    #[error("cannot wrap the data key for `{recipient}`")]
    Encrypt {
        /// The recipient.
        recipient: String,
        /// What age says.
        #[source]
        source: age::EncryptError,
    },
    /// The age file could not be written.
    #[error("cannot wrap the data key for `{recipient}`")]
    Write {
        /// The recipient.
        recipient: String,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// The entry in the file is not an age file.
    #[error("cannot unwrap the data key")]
    Decrypt(#[source] age::DecryptError),
    /// The entry's contents could not be read to their end.
    #[error("the wrapped data key is damaged")]
    Damaged(#[source] std::io::Error),
    /// What was wrapped has the wrong size.
    #[error("the data key has {found} bytes, not {LENGTH}")]
    Length {
        /// How many there are.
        found: usize,
    },
}

impl DataKey {
    /// Makes a fresh key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut key = Zeroizing::new([0; LENGTH]);
        rng.fill_bytes(key.as_mut_slice());
        Self(key)
    }

    pub(crate) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, WrapError> {
        let found = bytes.len();
        let key = bytes.try_into().map_err(|_| WrapError::Length { found })?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Wraps it for one recipient: an armored age file. The randomness in it is age's own.
    pub fn wrap(&self, recipient: &Recipient) -> Result<String, WrapError> {
        wrap(self.0.as_slice(), recipient)
    }
}

/// Wraps a data key or a share of one.
pub(crate) fn wrap(secret: &[u8], recipient: &Recipient) -> Result<String, WrapError> {
    let encryptor =
        age::Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))
            .map_err(|source| WrapError::Encrypt {
                recipient: recipient.to_string(),
                source,
            })?;
    let write = || -> std::io::Result<Vec<u8>> {
        let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut stream = encryptor.wrap_output(armor)?;
        stream.write_all(secret)?;
        stream.finish()?.finish()
    };
    let bytes = write().map_err(|source| WrapError::Write {
        recipient: recipient.to_string(),
        source,
    })?;
    let mut text: String = bytes.into_iter().map(char::from).collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// What came of trying identities on a wrapped key.
pub(crate) struct Unwrapping<'a> {
    /// The contents and the identity that opened them; `None` when it is for others.
    pub(crate) opened: Option<(Zeroizing<Vec<u8>>, &'a LoadedIdentity)>,
    /// Identities that could not be used.
    pub(crate) failures: Vec<(&'a LoadedIdentity, IdentityFailure)>,
}

/// Unwraps a data key or a share of one with whichever of the identities fits.
pub(crate) fn unwrap<'a>(
    enc: &str,
    identities: &'a [&'a LoadedIdentity],
) -> Result<Unwrapping<'a>, WrapError> {
    let decryptor =
        age::Decryptor::new(ArmoredReader::new(enc.as_bytes())).map_err(WrapError::Decrypt)?;
    let trial = Trial {
        identities,
        fitting: Cell::new(None),
        failures: RefCell::new(Vec::new()),
    };
    let reader = decryptor.decrypt(std::iter::once(&trial as &dyn age::Identity));
    let contents = match (reader, trial.fitting.get()) {
        (_, None) => None,
        (Err(error), Some(_)) => return Err(WrapError::Decrypt(error)),
        (Ok(reader), Some(identity)) => {
            let mut contents = Zeroizing::new(Vec::with_capacity(2 * LENGTH));
            reader
                .take(MAX_WRAPPED)
                .read_to_end(&mut contents)
                .map_err(WrapError::Damaged)?;
            Some((contents, identity))
        }
    };
    Ok(Unwrapping {
        opened: contents,
        failures: trial.failures.into_inner(),
    })
}

/// Tries identities in turn and remembers which one fits, and why others could not be used: one
/// that fails does not keep the next from opening the file.
struct Trial<'a> {
    identities: &'a [&'a LoadedIdentity],
    fitting: Cell<Option<&'a LoadedIdentity>>,
    failures: RefCell<Vec<(&'a LoadedIdentity, IdentityFailure)>>,
}

impl age::Identity for Trial<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        for loaded in self.identities {
            match loaded.identity.unwrap_stanzas(stanzas) {
                None => {}
                Some(Ok(key)) => {
                    self.fitting.set(Some(loaded));
                    return Some(Ok(key));
                }
                Some(Err(failure)) => self.failures.borrow_mut().push((loaded, failure)),
            }
        }
        None
    }
}
