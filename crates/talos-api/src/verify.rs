//! How a node's certificate is judged during the handshake.
//!
//! Whatever the judgement, the certificate is kept, so that an error can say who answered. A
//! handshake signature is always verified: the peer holds the key of the certificate it shows.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{CredentialsError, Fingerprint, IdentityProblem, Peer};

/// The certificate that was seen, shared with whoever reports the outcome.
pub(crate) type Seen = Arc<OnceLock<Peer>>;

/// Keeps the certificate, then judges it.
#[derive(Debug)]
pub(crate) struct Verifier {
    provider: Arc<CryptoProvider>,
    policy: Policy,
    seen: Seen,
}

#[derive(Debug)]
enum Policy {
    /// Any certificate, or one of these public keys.
    Pinned(Vec<Fingerprint>),
    /// A certificate that the cluster's authority signed.
    Authority(Arc<WebPkiServerVerifier>),
}

impl Verifier {
    pub(crate) fn pinned(
        provider: Arc<CryptoProvider>,
        fingerprints: Vec<Fingerprint>,
        seen: Seen,
    ) -> Self {
        Self {
            provider,
            policy: Policy::Pinned(fingerprints),
            seen,
        }
    }

    pub(crate) fn authority(
        provider: Arc<CryptoProvider>,
        authorities: &[CertificateDer<'static>],
        seen: Seen,
    ) -> Result<Self, CredentialsError> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots
                .add(authority.clone())
                .map_err(|error| CredentialsError::Authority(error.to_string()))?;
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| CredentialsError::Authority(error.to_string()))?;
        Ok(Self {
            provider,
            policy: Policy::Authority(verifier),
            seen,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let peer = Peer::from_certificate(end_entity).ok_or(CertificateError::BadEncoding)?;
        let peer = self.seen.get_or_init(|| peer);
        match &self.policy {
            Policy::Pinned(fingerprints)
                if fingerprints.is_empty() || fingerprints.contains(&peer.fingerprint) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            Policy::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            Policy::Authority(verifier) => verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Says what a failure of TLS means for the identities of both sides; `None` when it is not about
/// identity.
pub(crate) fn identity_problem(error: &Error, seen: &Seen) -> Option<IdentityProblem> {
    use rustls::AlertDescription as Alert;
    match error {
        Error::InvalidCertificate(problem) => Some(certificate_problem(problem, seen)),
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            // A certificate of another authority with the same subject fails at its signature.
            | Alert::DecryptError,
        ) => Some(IdentityProblem::ClientCertificateRefused),
        _ => None,
    }
}

fn certificate_problem(problem: &CertificateError, seen: &Seen) -> IdentityProblem {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            IdentityProblem::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            IdentityProblem::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            IdentityProblem::WrongName
        }
        // Every Talos authority has the same subject, so that a foreign one fails at the signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            IdentityProblem::UnknownAuthority
        }
        CertificateError::ApplicationVerificationFailure => match seen.get() {
            Some(peer) => IdentityProblem::NotPinned(peer.fingerprint),
            None => IdentityProblem::UnknownAuthority,
        },
        other => IdentityProblem::Handshake(other.to_string()),
    }
}
