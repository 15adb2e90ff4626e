//! Who answered: the server certificate of a node, as far as people and decisions need it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// The common name of certificates that nodes make for themselves in maintenance mode.
const MAINTENANCE_COMMON_NAME: &str = "maintenance-service.talos.dev";

/// SHA-256 over a certificate's public key (its DER `SubjectPublicKeyInfo`).
///
/// Written as standard base64, as Talos prints it on a node's console in maintenance mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is not a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 bytes in base64, as a node's console prints them, found `{0}`")]
pub struct ParseFingerprintError(String);

impl Fingerprint {
    /// Computes the fingerprint of a public key (DER `SubjectPublicKeyInfo`).
    pub fn of_public_key(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        BASE64_STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| ParseFingerprintError(text.to_owned()))
    }
}

/// The certificate that a node showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The fingerprint of its public key.
    pub fingerprint: Fingerprint,
    /// Whom the certificate names, such as `CN=talos-1`.
    pub subject: String,
    /// Who signed it, such as `O=talos`.
    pub issuer: String,
    /// The end of its validity, in seconds since 1970.
    pub not_after: i64,
    maintenance: bool,
}

impl Peer {
    /// Tells whether the node waits for its first configuration.
    ///
    /// The name alone proves nothing: whoever answers at this address can claim it. Pin the
    /// fingerprint where the network is not trusted.
    pub fn is_maintenance(&self) -> bool {
        self.maintenance
    }

    /// Reads a certificate; `None` when it is not one.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Some(Self {
            fingerprint: Fingerprint::of_public_key(parsed.public_key().raw),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            not_after: parsed.validity().not_after.timestamp(),
            maintenance: common_name(parsed.subject()) == Some(MAINTENANCE_COMMON_NAME),
        })
    }
}

fn common_name<'a>(name: &'a X509Name<'_>) -> Option<&'a str> {
    name.iter_common_name().next()?.as_str().ok()
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    /// Made, and its public key hashed, by OpenSSL 3.0.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBZTCCARegAwIBAgIUa4z6nTW3AqgK0FBrHcCROZ8QaOwwBQYDK2VwMCgxJjAk
BgNVBAMMHW1haW50ZW5hbmNlLXNlcnZpY2UudGFsb3MuZGV2MB4XDTI2MTEyMTEz
MTY0OVoXDTM2MTExODEzMTY0OVowKDEmMCQGA1UEAwwdbWFpbnRlbmFuY2Utc2Vy
dmljZS50YWxvcy5kZXYwKjAFBgMrZXADIQAoF9JVoJ7hAHXlPdt7dwTZbAE0eTUE
kwnIpOVX0LMtXqNTMFEwHQYDVR0OBBYEFJjN7EiP3MqF8LwPPnufy5Js4ZGpMB8G
A1UdIwQYMBaAFJjN7EiP3MqF8LwPPnufy5Js4ZGpMA8GA1UdEwEB/wQFMAMBAf8w
BQYDK2VwA0EAcpMwzLhBXUpNBu3ms7MtP+H2TJjE7OM+ES5kyaaQst3xL6MTQBM+
Ox3basYL1HVKLqWMsqV7JTlUOtpLVRgICA==
-----END CERTIFICATE-----
";

    #[test]
    fn agrees_with_openssl_on_the_fingerprint() {
        let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("PEM");
        let peer = Peer::from_certificate(&der).expect("a certificate");
        let expected = "gaIWzE1eK+pEyhHIxcgdvwtKs3jk8CkZ7zNTIts/gAk=";
        assert_eq!(peer.fingerprint.to_string(), expected);
        assert_eq!(expected.parse(), Ok(peer.fingerprint));
        assert_eq!(peer.subject, "CN=maintenance-service.talos.dev");
        assert!(peer.is_maintenance());
    }

    #[test]
    fn refuses_what_is_no_fingerprint() {
        for text in [
            "",
            "gaIWzE1eK+pEyhHIxcgdvwtKs3jk8CkZ7zNTIts",
            "81a216cc4d5e2bea",
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
