//! Private keys of the three kinds that Talos uses, with the PEM labels that it writes.

use rcgen::KeyPair;
use rustls_pki_types::PrivateKeyDer;
use x509_parser::der_parser::asn1_rs::{Any, FromDer as _, Integer, OctetString, Sequence};
use zeroize::Zeroizing;

use super::entropy::{Entropy, random};
use super::pem;
use crate::model::Secret;

/// The kinds of private keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519: the Talos API.
    Ed25519,
    /// ECDSA over P-256: Kubernetes and etcd.
    EcdsaP256,
    /// RSA with 4096 bits: Kubernetes service accounts.
    Rsa4096,
}

/// How a private key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519.
    Ed25519,
    /// ECDSA, on whatever curve.
    Ecdsa,
    /// RSA, of whatever length.
    Rsa,
}

/// A private key.
#[derive(Clone)]
pub struct PrivateKey {
    pem: Secret<String>,
}

/// Why a text is not a usable private key, or a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no PEM block in it.
    #[error("expected a PEM block")]
    NotPem,
    /// The PEM block has a label of something else.
    #[error("expected a private key, found a PEM block labelled `{0}`")]
    Label(String),
    /// The block's content is in another form than its label says.
    #[error("its content is not what the label `{0}` says")]
    Form(String),
    /// The block's content is not a key of a kind that Talos uses.
    #[error("not an Ed25519, ECDSA or RSA private key")]
    Unreadable(#[source] rcgen::Error),
    /// The cryptography library could not make one.
    #[error("cannot make a private key")]
    Generate(#[source] rcgen::Error),
    /// The cryptography library encoded a new key in an unexpected form.
    #[error("cannot encode a new RSA key")]
    Encode,
}

const LABELS: [&str; 4] = [
    "ED25519 PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "PRIVATE KEY",
];

/// What precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const ED25519_PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What names the curve P-256 inside a SEC 1 key (RFC 5915).
const P256_PARAMETERS: [u8; 12] = [
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

impl PrivateKey {
    /// Makes a key.
    ///
    /// The primes of an RSA key come from the cryptography library's own random source, which
    /// takes no other; they are not a function of `entropy`.
    pub fn generate(kind: KeyKind, entropy: &mut dyn Entropy) -> Result<Self, KeyError> {
        match kind {
            KeyKind::Ed25519 => Ok(Self::from_seed(&random(entropy))),
            KeyKind::EcdsaP256 => Self::p256(entropy),
            KeyKind::Rsa4096 => Self::rsa4096(),
        }
    }

    /// Reads a key: Talos' own labels, or PKCS #8.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let block = pem::decode(text).ok_or(KeyError::NotPem)?;
        if !LABELS.contains(&block.label.as_str()) {
            return Err(KeyError::Label(block.label));
        }
        let pair = KeyPair::try_from(block.der.as_slice()).map_err(KeyError::Unreadable)?;
        if !says_what_it_is(
            &block.label,
            algorithm(&pair),
            pkcs8_content(&block.der).is_some(),
        ) {
            return Err(KeyError::Form(block.label));
        }
        Ok(Self {
            pem: Secret::new(text.to_owned()),
        })
    }

    /// Returns how it signs.
    pub fn algorithm(&self) -> KeyAlgorithm {
        algorithm(&self.signer())
    }

    /// Returns the key as PEM, as it was read or with Talos' own label.
    pub fn pem(&self) -> &Secret<String> {
        &self.pem
    }

    /// Returns the key in the form that rustls takes.
    ///
    /// # Panics
    ///
    /// Never: the key was readable when it was parsed or made.
    pub fn to_rustls(&self) -> PrivateKeyDer<'static> {
        let der = self.der();
        PrivateKeyDer::try_from(der.as_slice())
            .expect("the key was readable when it was parsed or made")
            .clone_key()
    }

    /// Returns the public half, as raw as the algorithm has it.
    pub(super) fn public_key(&self) -> Vec<u8> {
        self.signer().public_key_raw().to_vec()
    }

    /// Returns the key in the form that signs certificates.
    pub(super) fn signer(&self) -> KeyPair {
        KeyPair::try_from(self.der().as_slice())
            .expect("the key was readable when it was parsed or made")
    }

    fn der(&self) -> Zeroizing<Vec<u8>> {
        pem::decode(self.pem.expose())
            .expect("the key was readable when it was parsed or made")
            .der
    }

    fn from_der(label: &str, der: &[u8]) -> Self {
        Self {
            pem: Secret::new(pem::encode(label, der)),
        }
    }

    /// Returns the Ed25519 key of a seed.
    pub(super) fn from_seed(seed: &[u8; 32]) -> Self {
        let der = Zeroizing::new([ED25519_PKCS8.as_slice(), seed].concat());
        Self::from_der("ED25519 PRIVATE KEY", &der)
    }

    /// Draws scalars until one is below the order of the curve, which nearly all are.
    fn p256(entropy: &mut dyn Entropy) -> Result<Self, KeyError> {
        const ATTEMPTS: usize = 16;
        let mut refusal = rcgen::Error::KeyGenerationUnavailable;
        for _ in 0..ATTEMPTS {
            let scalar = Zeroizing::new(random::<32>(entropy));
            let bare = sec1(&scalar, None);
            match KeyPair::try_from(bare.as_slice()) {
                Ok(pair) => {
                    let der = sec1(&scalar, Some(pair.public_key_raw()));
                    return Ok(Self::from_der("EC PRIVATE KEY", &der));
                }
                Err(error) => refusal = error,
            }
        }
        Err(KeyError::Generate(refusal))
    }

    fn rsa4096() -> Result<Self, KeyError> {
        let pair = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_4096)
            .map_err(KeyError::Generate)?;
        let pkcs8 = Zeroizing::new(pair.serialize_der());
        let pkcs1 = pkcs8_content(&pkcs8).ok_or(KeyError::Encode)?;
        Ok(Self::from_der("RSA PRIVATE KEY", &pkcs1))
    }
}

fn algorithm(pair: &KeyPair) -> KeyAlgorithm {
    if pair.algorithm() == &rcgen::PKCS_ED25519 {
        KeyAlgorithm::Ed25519
    } else if pair.is_compatible(&rcgen::PKCS_RSA_SHA256) {
        KeyAlgorithm::Rsa
    } else {
        KeyAlgorithm::Ecdsa
    }
}

/// Talos takes the label's word for the algorithm and the form.
fn says_what_it_is(label: &str, algorithm: KeyAlgorithm, is_pkcs8: bool) -> bool {
    match label {
        "ED25519 PRIVATE KEY" => is_pkcs8 && algorithm == KeyAlgorithm::Ed25519,
        "EC PRIVATE KEY" => !is_pkcs8 && algorithm == KeyAlgorithm::Ecdsa,
        "RSA PRIVATE KEY" => !is_pkcs8 && algorithm == KeyAlgorithm::Rsa,
        _ => is_pkcs8,
    }
}

/// Encodes a P-256 key as in RFC 5915: version, scalar, curve and, where known, the public key.
fn sec1(scalar: &[u8; 32], public: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let mut content = vec![0x02, 0x01, 0x01, 0x04, 0x20];
    content.extend_from_slice(scalar);
    content.extend_from_slice(&P256_PARAMETERS);
    if let Some(point) = public {
        content.extend_from_slice(&[0xa1, 0x44, 0x03, 0x42, 0x00]);
        content.extend_from_slice(point);
    }
    let length = u8::try_from(content.len()).expect("at most 119 bytes by construction");
    let mut der = vec![0x30, length];
    der.append(&mut content);
    Zeroizing::new(der)
}

/// Returns the algorithm's own encoding inside a PKCS #8 key.
fn pkcs8_content(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (_, outer) = Sequence::from_der(der).ok()?;
    let (rest, _version) = Integer::from_der(outer.content.as_ref()).ok()?;
    let (rest, _algorithm) = Any::from_der(rest).ok()?;
    let (_, key) = OctetString::from_der(rest).ok()?;
    Some(Zeroizing::new(key.as_ref().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::SeededEntropy;

    fn made(kind: KeyKind) -> PrivateKey {
        PrivateKey::generate(kind, &mut SeededEntropy::new(7)).expect("makes a key")
    }

    #[test]
    fn every_kind_is_read_again_with_the_same_public_half() {
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::Rsa4096] {
            let key = made(kind);
            let read = PrivateKey::parse(key.pem().expose()).expect("reads its own text");
            assert_eq!(read.public_key(), key.public_key(), "{kind:?}");
        }
    }

    #[test]
    fn writes_the_labels_that_talos_writes() {
        let label = |kind| made(kind).pem().expose().lines().next().map(str::to_owned);
        assert_eq!(
            label(KeyKind::Ed25519).as_deref(),
            Some("-----BEGIN ED25519 PRIVATE KEY-----")
        );
        assert_eq!(
            label(KeyKind::EcdsaP256).as_deref(),
            Some("-----BEGIN EC PRIVATE KEY-----")
        );
        assert_eq!(
            label(KeyKind::Rsa4096).as_deref(),
            Some("-----BEGIN RSA PRIVATE KEY-----")
        );
    }

    /// RFC 8410, section 10.3 and RFC 8032, section 7.1, test 1.
    #[test]
    fn derives_the_published_public_key() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let public = PrivateKey::from_seed(&seed).public_key();
        assert_eq!(public[..4], [0xd7, 0x5a, 0x98, 0x01]);
        assert_eq!(public[28..], [0xf7, 0x07, 0x51, 0x1a]);
    }

    #[test]
    fn refuses_what_is_no_private_key() {
        let certificate = pem::encode("CERTIFICATE", b"x");
        assert!(
            matches!(PrivateKey::parse(&certificate), Err(KeyError::Label(label)) if label == "CERTIFICATE")
        );
        assert!(matches!(PrivateKey::parse("no key"), Err(KeyError::NotPem)));
        let garbage = pem::encode("PRIVATE KEY", b"x");
        assert!(matches!(
            PrivateKey::parse(&garbage),
            Err(KeyError::Unreadable(_))
        ));
    }
}
