//! What proves that a caller may talk to the nodes of one cluster.

use std::fmt;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// A cluster's certificate authority, and a client certificate with its key.
///
/// Its `Debug` form shows no key.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<Vec<u8>>,
}

/// Why credentials are not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The authority, certificate or key is missing or not PEM.
    #[error("expected the {0} as PEM")]
    NotPem(&'static str),
    /// The key does not belong to the certificate, or is of a kind that TLS cannot use.
    #[error("the client key does not fit the client certificate: {0}")]
    KeyMismatch(String),
    /// The certificate authority cannot be used.
    #[error("the certificate authority is not usable: {0}")]
    Authority(String),
}

impl Credentials {
    /// Takes PEM texts: one or more authorities, the client certificate, and its key.
    pub fn from_pem(ca: &str, certificate: &str, key: &str) -> Result<Self, CredentialsError> {
        let key = Zeroizing::new(standard_key_label(key));
        PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| CredentialsError::NotPem("client key"))?;
        Ok(Self {
            authorities: certificates(ca, "certificate authority")?,
            chain: certificates(certificate, "client certificate")?,
            key: Zeroizing::new(key.as_bytes().to_vec()),
        })
    }

    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, CredentialsError> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| CredentialsError::NotPem("client key"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Talos labels Ed25519 keys in its own way around an ordinary PKCS#8 body.
fn standard_key_label(pem: &str) -> String {
    pem.replace("ED25519 PRIVATE KEY", "PRIVATE KEY")
}

fn certificates(
    pem: &str,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(CredentialsError::NotPem(what)),
    }
}
