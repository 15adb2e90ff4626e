//! One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
//!
//! AES-256-GCM with the file's data key and a nonce of 32 random bytes; the additional data is the
//! path of the value, so that a value moved elsewhere does not decrypt.

use aes::Aes256;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aead::generic_array::{ArrayLength, GenericArray};
use aes_gcm::{AesGcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::data_key::DataKey;
use crate::scalar::{Plain, ScalarError, ScalarType};

const PREFIX: &str = "ENC[AES256_GCM,data:";
const NONCE: usize = 32;

/// What makes two encryptions with one key differ; never used twice for different plaintexts.
pub(crate) type Nonce = [u8; NONCE];

const TAG: usize = 16;

/// A value that does not decrypt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CipherError {
    /// It is not of the form `ENC[…]`.
    #[error("the value is not encrypted")]
    NotEncrypted,
    /// One of its fields is not base64.
    #[error("field `{field}` of the encrypted value is not base64")]
    Base64 {
        /// The field.
        field: &'static str,
    },
    /// Its nonce or its tag has a length that nothing writes.
    #[error("field `{field}` of the encrypted value has {found} bytes")]
    Length {
        /// The field.
        field: &'static str,
        /// How many there are.
        found: usize,
    },
    /// Its type is unknown.
    #[error("the encrypted value is of unknown type `{found}`")]
    Type {
        /// The word in the file.
        found: String,
    },
    /// Key, path and ciphertext do not belong together.
    #[error("the encrypted value was changed, or moved to another key")]
    Authentication,
    /// It decrypts to something else than its type says.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
}

/// The fields of an encrypted value.
struct Parts<'a> {
    data: &'a str,
    iv: &'a str,
    tag: &'a str,
    kind: &'a str,
}

/// Tells whether a text has the form of an encrypted value.
pub(crate) fn is_encrypted(text: &str) -> bool {
    Parts::of(text).is_some()
}

/// Returns the nonce of an encrypted value, where it has the length that is written.
pub(crate) fn nonce_of(text: &str) -> Option<Nonce> {
    let iv = STANDARD.decode(Parts::of(text)?.iv).ok()?;
    iv.try_into().ok()
}

impl<'a> Parts<'a> {
    /// Takes the form apart; what follows the closing bracket is ignored, as `sops` does.
    fn of(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let (data, rest) = rest.split_once(",iv:")?;
        let (iv, rest) = rest.split_once(",tag:")?;
        let (tag, rest) = rest.split_once(",type:")?;
        let (kind, _) = rest.rsplit_once(']')?;
        [data, iv, tag, kind]
            .iter()
            .all(|field| !field.is_empty())
            .then_some(Self {
                data,
                iv,
                tag,
                kind,
            })
    }
}

/// The cipher of one file.
pub(crate) struct Cipher<'a> {
    key: &'a DataKey,
    wide: AesGcm<Aes256, U32>,
}

impl<'a> Cipher<'a> {
    pub(crate) fn new(key: &'a DataKey) -> Self {
        Self {
            key,
            wide: AesGcm::new(GenericArray::from_slice(key.bytes())),
        }
    }

    /// Encrypts bytes of a type under a path. Nothing stays nothing.
    pub(crate) fn encrypt(&self, plain: &[u8], kind: ScalarType, path: &str, iv: &Nonce) -> String {
        if plain.is_empty() {
            return String::new();
        }
        let mut data = plain.to_vec();
        let tag = self
            .wide
            .encrypt_in_place_detached(GenericArray::from_slice(iv), path.as_bytes(), &mut data)
            .expect("a value is far below the 64 GiB that AES-GCM can take");
        format!(
            "{PREFIX}{},iv:{},tag:{},type:{kind}]",
            STANDARD.encode(data),
            STANDARD.encode(iv),
            STANDARD.encode(tag)
        )
    }

    /// Decrypts an encrypted value under a path.
    pub(crate) fn decrypt(&self, text: &str, path: &str) -> Result<Plain, CipherError> {
        let parts = Parts::of(text).ok_or(CipherError::NotEncrypted)?;
        let decode = |field, text: &str| {
            STANDARD
                .decode(text)
                .map_err(|_| CipherError::Base64 { field })
        };
        let data = Zeroizing::new(decode("data", parts.data)?);
        let iv = decode("iv", parts.iv)?;
        let tag = decode("tag", parts.tag)?;
        let kind = ScalarType::from_word(parts.kind).ok_or_else(|| CipherError::Type {
            found: parts.kind.to_owned(),
        })?;
        if tag.len() != TAG {
            return Err(CipherError::Length {
                field: "tag",
                found: tag.len(),
            });
        }
        let plain = match iv.len() {
            NONCE => open(&self.wide, &iv, &tag, path, data)?,
            12 => open(&self.narrow::<U12>(), &iv, &tag, path, data)?,
            16 => open(&self.narrow::<U16>(), &iv, &tag, path, data)?,
            found => return Err(CipherError::Length { field: "iv", found }),
        };
        Ok(kind.read(plain)?)
    }

    /// Other nonce lengths, which very old files may have.
    fn narrow<N: ArrayLength<u8>>(&self) -> AesGcm<Aes256, N> {
        AesGcm::new(GenericArray::from_slice(self.key.bytes()))
    }
}

fn open<N: ArrayLength<u8>>(
    cipher: &AesGcm<Aes256, N>,
    iv: &[u8],
    tag: &[u8],
    path: &str,
    mut data: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, CipherError> {
    cipher
        .decrypt_in_place_detached(
            GenericArray::from_slice(iv),
            path.as_bytes(),
            &mut data,
            GenericArray::from_slice(tag),
        )
        .map_err(|_| CipherError::Authentication)?;
    Ok(data)
}
