//! Certificates: authorities that sign themselves, and leaves that they sign.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::entropy::{Entropy, random};
use super::key::{KeyError, PrivateKey};
use super::{KeyKind, pem};

/// How long Talos' own authorities live: ten years of 365 days.
const AUTHORITY_LIFETIME: Duration = Duration::from_hours(87_600);

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
}

/// A certificate that signs others, with its key.
#[derive(Clone)]
pub struct CertificateAuthority {
    /// The certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: PrivateKey,
}

/// Why a certificate cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The text is not one PEM block labelled `CERTIFICATE`.
    #[error("expected a PEM block labelled `CERTIFICATE`")]
    NotPem,
    /// The block's content is not a certificate.
    #[error("not an X.509 certificate")]
    Unreadable,
    /// The key is not usable.
    #[error("cannot use the private key")]
    Key(#[from] KeyError),
    /// A name cannot stand in a certificate.
    #[error("`{0}` cannot stand in a certificate")]
    Name(String),
    /// Signing failed.
    #[error("cannot sign a certificate")]
    Sign(#[source] rcgen::Error),
}

/// Whose certificate it is; both parts may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `O=`: a group in Kubernetes, a role in Talos.
    pub organization: Option<String>,
    /// `CN=`: a user in Kubernetes.
    pub common_name: Option<String>,
}

/// What a leaf is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A client of the Talos API, whose certificate may serve for nothing else.
    TalosClient,
    /// A server of the Talos API.
    TalosServer,
    /// A client of Kubernetes.
    KubernetesClient,
    /// A server of Kubernetes.
    KubernetesServer,
}

/// From when to when a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub until: Timestamp,
}

/// A certificate to be signed.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Whose it is.
    pub subject: Subject,
    /// What it is for.
    pub purpose: Purpose,
    /// DNS names and addresses that a server answers to.
    pub names: Vec<String>,
    /// From when to when it holds.
    pub validity: Validity,
}

impl Certificate {
    /// Reads a certificate from PEM.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let block = pem::decode(text)
            .filter(|block| block.label == "CERTIFICATE")
            .ok_or(CertificateError::NotPem)?;
        Self::from_der(&block.der)
    }

    /// Reads a certificate from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
        Ok(Self { der: der.to_vec() })
    }

    /// Returns the certificate as PEM.
    pub fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// Returns the certificate in the form that rustls takes.
    pub fn to_rustls(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    /// Returns the SHA-256 of the public key (its DER `SubjectPublicKeyInfo`), by which people and
    /// pins know an identity: it outlives the certificate's renewal.
    pub fn public_key_fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.parsed().public_key().raw).into()
    }

    /// Returns from when to when it holds.
    pub fn validity(&self) -> Validity {
        let validity = self.parsed().validity().clone();
        Validity {
            from: from_unix(validity.not_before.timestamp()),
            until: from_unix(validity.not_after.timestamp()),
        }
    }

    /// Tells whether it may sign others.
    pub(super) fn is_authority(&self) -> bool {
        self.parsed().is_ca()
    }

    /// Returns the public key, as raw as the algorithm has it.
    pub(super) fn public_key(&self) -> Vec<u8> {
        self.parsed().public_key().subject_public_key.data.to_vec()
    }

    fn parsed(&self) -> X509Certificate<'_> {
        let (_, parsed) =
            X509Certificate::from_der(&self.der).expect("it was readable when it was taken");
        parsed
    }
}

impl CertificateAuthority {
    /// Makes an authority of the form that Talos gives all of its own.
    pub fn generate(
        subject: &Subject,
        kind: KeyKind,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, CertificateError> {
        let key = PrivateKey::generate(kind, entropy)?;
        let until = now
            .checked_add(AUTHORITY_LIFETIME)
            .unwrap_or(Timestamp::MAX);
        let mut params = parameters(subject, Validity { from: now, until }, entropy)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
        ];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.key_identifier_method = KeyIdMethod::PreSpecified(random::<20>(entropy).to_vec());
        let signed = params
            .self_signed(&key.signer())
            .map_err(CertificateError::Sign)?;
        let certificate = Certificate::from_der(signed.der())?;
        Ok(Self { certificate, key })
    }

    /// Signs a leaf for this key.
    pub fn issue(
        &self,
        leaf: &Leaf,
        key: &PrivateKey,
        entropy: &mut dyn Entropy,
    ) -> Result<Certificate, CertificateError> {
        let issuer = Issuer::from_ca_cert_der(&self.certificate.to_rustls(), self.key.signer())
            .map_err(CertificateError::Sign)?;
        let mut params = parameters(&leaf.subject, leaf.validity, entropy)?;
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names = alternative_names(&leaf.names)?;
        params.key_usages = leaf.purpose.key_usages();
        params.extended_key_usages = leaf.purpose.extended_key_usages();
        let signed = params
            .signed_by(&key.signer(), &issuer)
            .map_err(CertificateError::Sign)?;
        Certificate::from_der(signed.der())
    }
}

impl Purpose {
    fn key_usages(self) -> Vec<KeyUsagePurpose> {
        match self {
            Self::TalosClient | Self::TalosServer => vec![KeyUsagePurpose::DigitalSignature],
            Self::KubernetesClient | Self::KubernetesServer => vec![
                KeyUsagePurpose::DigitalSignature,
                KeyUsagePurpose::KeyEncipherment,
            ],
        }
    }

    /// Talos refuses a client certificate that is also good for anything else.
    fn extended_key_usages(self) -> Vec<ExtendedKeyUsagePurpose> {
        match self {
            Self::TalosClient | Self::KubernetesClient => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Self::TalosServer | Self::KubernetesServer => vec![ExtendedKeyUsagePurpose::ServerAuth],
        }
    }
}

impl Validity {
    /// Holds from a little before this moment, for machines whose clock is behind, for this long
    /// after it.
    pub fn around(now: Timestamp, lifetime: Duration) -> Self {
        const BACKDATED: Duration = Duration::from_mins(5);
        Self {
            from: now.checked_sub(BACKDATED).unwrap_or(now),
            until: now.checked_add(lifetime).unwrap_or(Timestamp::MAX),
        }
    }

    /// Tells whether it holds at this moment.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now <= self.until
    }
}

fn parameters(
    subject: &Subject,
    validity: Validity,
    entropy: &mut dyn Entropy,
) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(subject)?;
    params.serial_number = Some(SerialNumber::from_slice(&random::<16>(entropy)));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(validity.from);
    params.not_after = epoch + since_epoch(validity.until);
    Ok(params)
}

fn distinguished_name(subject: &Subject) -> Result<DistinguishedName, CertificateError> {
    let mut name = DistinguishedName::new();
    let parts = [
        (DnType::OrganizationName, &subject.organization),
        (DnType::CommonName, &subject.common_name),
    ];
    for (kind, text) in parts {
        let Some(text) = text else { continue };
        let value = PrintableString::try_from(text.as_str())
            .map_err(|_| CertificateError::Name(text.clone()))?;
        name.push(kind, DnValue::PrintableString(value));
    }
    Ok(name)
}

fn alternative_names(names: &[String]) -> Result<Vec<SanType>, CertificateError> {
    let alternative = |name: &String| match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => name
            .as_str()
            .try_into()
            .map(SanType::DnsName)
            .map_err(|_| CertificateError::Name(name.clone())),
    };
    names.iter().map(alternative).collect()
}

fn since_epoch(time: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
}

fn from_unix(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
