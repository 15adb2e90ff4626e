//! X-Wing, the hybrid of ML-KEM-768 and X25519, as a key encapsulation for HPKE.
//!
//! Only the joining of the two is here, as draft-connolly-cfrg-xwing-kem-06 has it; both
//! primitives, the hashes and HPKE are RustCrypto's and dalek's, in the versions that age brings.
//! The crate `x-wing` needs a release of `kem` that excludes the one age's `ml-kem` pins.

use hpke::kem::SharedSecret;
use hpke::{Deserializable, HpkeError, Serializable};
use ml_kem::kem::{Decapsulate, DecapsulationKey, Encapsulate, EncapsulationKey};
use ml_kem::{Ciphertext, EncodedSizeUser, KemCore, MlKem768, MlKem768Params};
use rand::{CryptoRng, RngCore};
use sha3::digest::consts::U32;
use sha3::digest::typenum::Sum;
use sha3::digest::{Digest, ExtendableOutput, Update, XofReader};
use sha3::{Sha3_256, Shake256};
use x25519_dalek::{PublicKey as X25519, StaticSecret};
use zeroize::Zeroizing;

/// Length of a private key: the seed of both halves.
pub(super) const SEED_LENGTH: usize = 32;

/// Length of the ML-KEM half of a public key.
const ML_KEM_KEY: usize = 1184;

/// Length of the ML-KEM half of an encapsulated key.
const ML_KEM_CIPHERTEXT: usize = 1088;

/// What the hash that joins the halves ends with.
const LABEL: &[u8] = br"\.//^\";

/// The key encapsulation mechanism.
pub(super) struct XWing;

/// A private key.
#[derive(Clone)]
pub(super) struct PrivateKey {
    seed: Zeroizing<[u8; SEED_LENGTH]>,
    ml_kem: DecapsulationKey<MlKem768Params>,
    x25519: StaticSecret,
}

/// A public key, whose halves were checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PublicKey {
    ml_kem: Box<EncapsulationKey<MlKem768Params>>,
    x25519: X25519,
}

/// What the holder of the private key needs to come to the same secret.
#[derive(Clone)]
pub(super) struct EncappedKey {
    ml_kem: Ciphertext<MlKem768>,
    x25519: X25519,
}

impl PrivateKey {
    pub(super) fn from_seed(seed: &[u8; SEED_LENGTH]) -> Self {
        let mut expanded = Shake256::default().chain(seed).finalize_xof();
        let mut next = || {
            let mut bytes = Zeroizing::new([0; 32]);
            expanded.read(bytes.as_mut_slice());
            bytes
        };
        let (d, z, x25519) = (next(), next(), next());
        let (ml_kem, _) = MlKem768::generate_deterministic(&(*d).into(), &(*z).into());
        Self {
            seed: Zeroizing::new(*seed),
            ml_kem,
            x25519: StaticSecret::from(*x25519),
        }
    }

    pub(super) fn seed(&self) -> &[u8; SEED_LENGTH] {
        &self.seed
    }

    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey {
            ml_kem: Box::new(self.ml_kem.encapsulation_key().clone()),
            x25519: X25519::from(&self.x25519),
        }
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.public_key() == other.public_key()
    }
}

impl Eq for PrivateKey {}

impl Serializable for PrivateKey {
    type OutputSize = U32;

    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.seed.as_slice());
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let seed = bytes
            .try_into()
            .map_err(|_| HpkeError::IncorrectInputLength(SEED_LENGTH, bytes.len()))?;
        Ok(Self::from_seed(seed))
    }
}

impl Eq for PublicKey {}

impl Serializable for PublicKey {
    type OutputSize = Sum<<EncapsulationKey<MlKem768Params> as EncodedSizeUser>::EncodedSize, U32>;

    fn write_exact(&self, buffer: &mut [u8]) {
        let (ml_kem, x25519) = buffer.split_at_mut(ML_KEM_KEY);
        ml_kem.copy_from_slice(&self.ml_kem.as_bytes());
        x25519.copy_from_slice(self.x25519.as_bytes());
    }
}

impl Deserializable for PublicKey {
    /// Checks what encapsulation relies on: coefficients below the modulus (FIPS 203, 7.2), and a
    /// point that is not of low order.
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let (encoded, x25519) = split::<ML_KEM_KEY>(bytes)?;
        let ml_kem = EncapsulationKey::<MlKem768Params>::from_bytes(&(*encoded).into());
        let probe = StaticSecret::from([1; 32]).diffie_hellman(&x25519);
        if ml_kem.as_bytes().as_slice() != encoded || !probe.was_contributory() {
            return Err(HpkeError::ValidationError);
        }
        Ok(Self {
            ml_kem: Box::new(ml_kem),
            x25519,
        })
    }
}

impl Serializable for EncappedKey {
    type OutputSize = Sum<<MlKem768 as KemCore>::CiphertextSize, U32>;

    fn write_exact(&self, buffer: &mut [u8]) {
        let (ml_kem, x25519) = buffer.split_at_mut(ML_KEM_CIPHERTEXT);
        ml_kem.copy_from_slice(&self.ml_kem);
        x25519.copy_from_slice(self.x25519.as_bytes());
    }
}

impl Deserializable for EncappedKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let (encoded, x25519) = split::<ML_KEM_CIPHERTEXT>(bytes)?;
        Ok(Self {
            ml_kem: (*encoded).into(),
            x25519,
        })
    }
}

/// Takes the two halves of a key apart.
fn split<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], X25519), HpkeError> {
    let halves = bytes.split_first_chunk::<N>().and_then(|(first, rest)| {
        let rest: [u8; 32] = rest.try_into().ok()?;
        Some((first, X25519::from(rest)))
    });
    halves.ok_or(HpkeError::IncorrectInputLength(N + 32, bytes.len()))
}

impl hpke::Kem for XWing {
    type PublicKey = PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = EncappedKey;
    type NSecret = U32;

    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(private: &PrivateKey) -> PublicKey {
        private.public_key()
    }

    fn derive_keypair(material: &[u8]) -> (PrivateKey, PublicKey) {
        let mut seed = Zeroizing::new([0; SEED_LENGTH]);
        Shake256::default()
            .chain(material)
            .finalize_xof_into(seed.as_mut_slice());
        let private = PrivateKey::from_seed(&seed);
        let public = private.public_key();
        (private, public)
    }

    fn encap<R: CryptoRng + RngCore>(
        recipient: &PublicKey,
        sender: Option<(&PrivateKey, &PublicKey)>,
        rng: &mut R,
    ) -> Result<(SharedSecret<Self>, EncappedKey), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let (ml_kem, first) = recipient
            .ml_kem
            .encapsulate(rng)
            .map_err(|()| HpkeError::EncapError)?;
        let first = Zeroizing::new(<[u8; 32]>::from(first));
        let ephemeral = StaticSecret::random_from_rng(rng);
        let x25519 = X25519::from(&ephemeral);
        let second = ephemeral.diffie_hellman(&recipient.x25519);
        if !second.was_contributory() {
            return Err(HpkeError::EncapError);
        }
        let secret = join(&first, second.as_bytes(), &x25519, &recipient.x25519);
        Ok((secret, EncappedKey { ml_kem, x25519 }))
    }

    fn decap(
        private: &PrivateKey,
        sender: Option<&PublicKey>,
        encapped: &EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let first = private
            .ml_kem
            .decapsulate(&encapped.ml_kem)
            .map_err(|()| HpkeError::DecapError)?;
        let first = Zeroizing::new(<[u8; 32]>::from(first));
        let second = private.x25519.diffie_hellman(&encapped.x25519);
        if !second.was_contributory() {
            return Err(HpkeError::DecapError);
        }
        let public = X25519::from(&private.x25519);
        Ok(join(&first, second.as_bytes(), &encapped.x25519, &public))
    }
}

/// Joins the secrets of both halves.
fn join(
    ml_kem: &[u8; 32],
    x25519: &[u8; 32],
    ciphertext: &X25519,
    public: &X25519,
) -> SharedSecret<XWing> {
    let hash = Sha3_256::new()
        .chain_update(ml_kem)
        .chain_update(x25519)
        .chain_update(ciphertext.as_bytes())
        .chain_update(public.as_bytes())
        .chain_update(LABEL);
    SharedSecret(hash.finalize())
}
