//! Post-quantum hybrid keys of age: `age1pq1…` and `AGE-SECRET-KEY-PQ-1…`.
//!
//! A stanza `mlkem768x25519` holds the file key, sealed by HPKE in base mode with X-Wing,
//! HKDF-SHA256 and ChaCha20-Poly1305, as age 1.3 and later write it (c2sp.org/age).

#![expect(
    clippy::disallowed_types,
    reason = "age's trait returns labels in a hash set"
)]

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode, bech32_encode_to_fmt};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bech32::Hrp;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use rand::RngCore;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

mod x_wing;

use x_wing::{EncappedKey, PrivateKey, PublicKey, SEED_LENGTH, XWing};

const TAG: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
const LABEL: &str = "postquantum";
const RECIPIENT: Hrp = Hrp::parse_unchecked("age1pq");
const IDENTITY: Hrp = Hrp::parse_unchecked("AGE-SECRET-KEY-PQ-");

/// Length of the authentication tag at the end of a stanza's body.
const TAG_LENGTH: usize = 16;

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Recipient(PublicKey);

/// A private key.
#[derive(Clone)]
pub(super) struct Identity(PrivateKey);

/// A text that is no such key.
#[derive(Debug)]
pub(super) struct InvalidKey;

impl Identity {
    /// Makes a new one of the operating system's randomness.
    pub(super) fn generate() -> Self {
        let mut seed = Zeroizing::new([0; SEED_LENGTH]);
        OsRng.fill_bytes(seed.as_mut_slice());
        Self(PrivateKey::from_seed(&seed))
    }

    pub(super) fn to_public(&self) -> Recipient {
        Recipient(self.0.public_key())
    }

    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(bech32_encode(IDENTITY, self.0.seed()));
        Zeroizing::new(lower.to_uppercase())
    }
}

impl FromStr for Identity {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = decode(text, IDENTITY)?;
        let seed = bytes.as_slice().try_into().map_err(|_| InvalidKey)?;
        Ok(Self(PrivateKey::from_seed(seed)))
    }
}

impl FromStr for Recipient {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = decode(text, RECIPIENT)?;
        PublicKey::from_bytes(&bytes)
            .map(Self)
            .map_err(|_| InvalidKey)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32_encode_to_fmt(f, RECIPIENT, &self.0.to_bytes())
    }
}

fn decode(text: &str, prefix: Hrp) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    bech32_decode(
        text,
        |_| InvalidKey,
        |found| (found == prefix).then_some(()).ok_or(InvalidKey),
        |_, bytes| Ok(Zeroizing::new(bytes.collect())),
    )
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        let (encapped, body) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing, _>(
            &OpModeS::Base,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
            &mut OsRng,
        )
        .map_err(|error| age::EncryptError::Io(std::io::Error::other(error.to_string())))?;
        let stanza = Stanza {
            tag: TAG.to_owned(),
            args: vec![BASE64_STANDARD_NO_PAD.encode(encapped.to_bytes())],
            body,
        };
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        if stanza.tag != TAG {
            return None;
        }
        let Some(encapped) = encapped_key(stanza) else {
            return Some(Err(age::DecryptError::InvalidHeader));
        };
        // A stanza for another key of this kind fails here too: there is no telling them apart.
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &encapped,
            INFO,
            &stanza.body,
            &[],
        );
        let opened = Zeroizing::new(opened.ok()?);
        let file_key: [u8; FILE_KEY_BYTES] = opened.as_slice().try_into().ok()?;
        let file_key = Zeroizing::new(file_key);
        Some(Ok(FileKey::init_with_mut(|key| {
            key.copy_from_slice(file_key.as_slice());
        })))
    }
}

/// Reads the only argument of a stanza whose form is right.
fn encapped_key(stanza: &Stanza) -> Option<EncappedKey> {
    let [argument] = &stanza.args[..] else {
        return None;
    };
    if stanza.body.len() != FILE_KEY_BYTES + TAG_LENGTH {
        return None;
    }
    let bytes = BASE64_STANDARD_NO_PAD.decode(argument).ok()?;
    EncappedKey::from_bytes(&bytes).ok()
}

#[cfg(test)]
mod tests;
