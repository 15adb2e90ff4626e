//! The bundle's parts, and the dotted paths by which rendered files refer to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::Secret;
use crate::pki::{Certificate, CertificateAuthority, CertificateError, KeyError, PrivateKey};

/// Everything secret about one cluster.
#[derive(Clone)]
pub struct SecretsBundle {
    /// What the cluster is to the discovery service.
    pub cluster: ClusterIdentity,
    /// What nodes prove themselves with when they join, and what Kubernetes encrypts with.
    pub secrets: JoinSecrets,
    /// The token by which a node asks a control plane for its Talos certificate.
    pub trustd_token: Secret<String>,
    /// Certificate authorities and the service-account key.
    pub certificates: Certificates,
}

/// What the cluster is to the discovery service.
#[derive(Clone)]
pub struct ClusterIdentity {
    /// Its identity, an opaque text.
    pub id: String,
    /// The key of what it publishes, 32 bytes in base64.
    pub secret: Secret<String>,
}

/// What nodes prove themselves with when they join, and what Kubernetes encrypts with.
#[derive(Clone)]
pub struct JoinSecrets {
    /// The Kubernetes bootstrap token.
    pub bootstrap_token: Secret<String>,
    /// The older key of Secrets in etcd, 32 bytes in base64; exactly one of the two is there.
    pub aescbc_encryption_secret: Option<Secret<String>>,
    /// The key of Secrets in etcd, 32 bytes in base64.
    pub secretbox_encryption_secret: Option<Secret<String>>,
}

/// Certificate authorities and the service-account key, each base64 of PEM.
#[derive(Clone)]
pub struct Certificates {
    /// etcd's authority.
    pub etcd: EncodedPair,
    /// Kubernetes' authority.
    pub k8s: EncodedPair,
    /// The aggregation layer's authority.
    pub k8s_aggregator: EncodedPair,
    /// The key that signs service-account tokens.
    pub k8s_service_account: Secret<String>,
    /// The Talos API's authority.
    pub os: EncodedPair,
}

/// A certificate and its key, each base64 of PEM.
#[derive(Clone)]
pub struct EncodedPair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: Secret<String>,
}

/// Why a part of the bundle is not usable.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The value is not base64 of text.
    #[error("expected base64 of a PEM block")]
    Encoding,
    /// The certificate is not readable.
    #[error("unusable certificate")]
    Certificate(#[from] CertificateError),
    /// The key is not readable.
    #[error("unusable private key")]
    Key(#[from] KeyError),
}

impl SecretsBundle {
    /// Returns the value at a dotted path of the bundle's file, such as `certs.os.key`.
    pub fn lookup(&self, path: &str) -> Option<&str> {
        let certificates = &self.certificates;
        Some(match path {
            "cluster.id" => &self.cluster.id,
            "cluster.secret" => self.cluster.secret.expose(),
            "secrets.bootstraptoken" => self.secrets.bootstrap_token.expose(),
            "secrets.aescbcencryptionsecret" => {
                self.secrets.aescbc_encryption_secret.as_ref()?.expose()
            }
            "secrets.secretboxencryptionsecret" => {
                self.secrets.secretbox_encryption_secret.as_ref()?.expose()
            }
            "trustdinfo.token" => self.trustd_token.expose(),
            "certs.etcd.crt" => &certificates.etcd.certificate,
            "certs.etcd.key" => certificates.etcd.key.expose(),
            "certs.k8s.crt" => &certificates.k8s.certificate,
            "certs.k8s.key" => certificates.k8s.key.expose(),
            "certs.k8saggregator.crt" => &certificates.k8s_aggregator.certificate,
            "certs.k8saggregator.key" => certificates.k8s_aggregator.key.expose(),
            "certs.k8sserviceaccount.key" => certificates.k8s_service_account.expose(),
            "certs.os.crt" => &certificates.os.certificate,
            "certs.os.key" => certificates.os.key.expose(),
            _ => return None,
        })
    }

    /// Returns the Talos API's authority, ready to sign.
    pub fn talos_authority(&self) -> Result<CertificateAuthority, PartError> {
        self.certificates.os.authority()
    }

    /// Returns Kubernetes' authority, ready to sign.
    pub fn kubernetes_authority(&self) -> Result<CertificateAuthority, PartError> {
        self.certificates.k8s.authority()
    }
}

impl EncodedPair {
    /// Encodes an authority.
    pub fn new(authority: &CertificateAuthority) -> Self {
        Self {
            certificate: STANDARD.encode(authority.certificate.pem()),
            key: encode_key(&authority.key),
        }
    }

    /// Decodes the certificate.
    pub fn decode_certificate(&self) -> Result<Certificate, PartError> {
        decode_certificate(&self.certificate)
    }

    /// Decodes both parts.
    pub fn authority(&self) -> Result<CertificateAuthority, PartError> {
        Ok(CertificateAuthority {
            certificate: self.decode_certificate()?,
            key: decode_key(&self.key)?,
        })
    }
}

/// Encodes a key as the bundle holds it.
pub(super) fn encode_key(key: &PrivateKey) -> Secret<String> {
    Secret::new(STANDARD.encode(key.pem().expose()))
}

/// Decodes a certificate as the bundle holds it.
pub(super) fn decode_certificate(text: &str) -> Result<Certificate, PartError> {
    Ok(Certificate::parse(decode(text)?.expose())?)
}

/// Decodes a key as the bundle holds it.
pub(super) fn decode_key(text: &Secret<String>) -> Result<PrivateKey, PartError> {
    Ok(PrivateKey::parse(decode(text.expose())?.expose())?)
}

fn decode(text: &str) -> Result<Secret<String>, PartError> {
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| PartError::Encoding)?;
    String::from_utf8(bytes)
        .map(Secret::new)
        .map_err(|_| PartError::Encoding)
}
