//! The key of one file, and how it is wrapped for a recipient.

use std::io::{Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::keys::{Identity, Recipient};

/// Length of a data key.
const LENGTH: usize = 32;

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
    /// The entry in the file is not an age file, or not for this identity.
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

impl WrapError {
    /// Tells whether the age file is whole and simply for others.
    pub(crate) fn is_other_recipient(&self) -> bool {
        matches!(self, Self::Decrypt(age::DecryptError::NoMatchingKeys))
    }
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

    /// Wraps it for one recipient: an armored age file. The randomness in it is age's own.
    pub fn wrap(&self, recipient: &Recipient) -> Result<String, WrapError> {
        let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient.as_age()))
            .map_err(|source| WrapError::Encrypt {
                recipient: recipient.to_string(),
                source,
            })?;
        let write = || -> std::io::Result<Vec<u8>> {
            let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
            let mut stream = encryptor.wrap_output(armor)?;
            stream.write_all(self.0.as_slice())?;
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

    /// Unwraps an age file with whichever of the identities fits.
    pub fn unwrap<'a>(
        enc: &str,
        identities: impl Iterator<Item = &'a Identity>,
    ) -> Result<Self, WrapError> {
        let decryptor =
            age::Decryptor::new(ArmoredReader::new(enc.as_bytes())).map_err(WrapError::Decrypt)?;
        let mut reader = decryptor
            .decrypt(identities.map(Identity::as_age))
            .map_err(WrapError::Decrypt)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        reader.read_to_end(&mut plain).map_err(WrapError::Damaged)?;
        let found = plain.len();
        let key =
            <[u8; LENGTH]>::try_from(plain.as_slice()).map_err(|_| WrapError::Length { found })?;
        Ok(Self(Zeroizing::new(key)))
    }
}
