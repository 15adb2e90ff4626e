//! A new cluster's bundle.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::Timestamp;

use super::model::encode_key;
use super::{Certificates, ClusterIdentity, EncodedPair, JoinSecrets, SecretsBundle};
use crate::model::Secret;
use crate::pki::entropy::{Entropy, random};
use crate::pki::{CertificateAuthority, CertificateError, KeyKind, PrivateKey, Subject, token};

impl SecretsBundle {
    /// Makes a new cluster's secrets; takes about half a second, for the RSA key.
    pub fn generate(now: Timestamp, entropy: &mut dyn Entropy) -> Result<Self, CertificateError> {
        Ok(Self {
            cluster: ClusterIdentity {
                // Talos up to 1.13 writes this one value in the URL-safe alphabet; it never decodes it.
                id: URL_SAFE.encode(random::<32>(entropy)),
                secret: key_material(entropy),
            },
            secrets: JoinSecrets {
                bootstrap_token: token::generate(entropy),
                aescbc_encryption_secret: None,
                secretbox_encryption_secret: Some(key_material(entropy)),
            },
            trustd_token: token::generate(entropy),
            certificates: certificates(now, entropy)?,
        })
    }
}

fn certificates(
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Certificates, CertificateError> {
    let mut authority = |organization: Option<&str>, kind| {
        let subject = Subject {
            organization: organization.map(str::to_owned),
            common_name: None,
        };
        CertificateAuthority::generate(&subject, kind, now, entropy)
            .map(|authority| EncodedPair::new(&authority))
    };
    Ok(Certificates {
        etcd: authority(Some("etcd"), KeyKind::EcdsaP256)?,
        k8s: authority(Some("kubernetes"), KeyKind::EcdsaP256)?,
        k8s_aggregator: authority(None, KeyKind::EcdsaP256)?,
        os: authority(Some("talos"), KeyKind::Ed25519)?,
        k8s_service_account: encode_key(&PrivateKey::generate(KeyKind::Rsa4096, entropy)?),
    })
}

fn key_material(entropy: &mut dyn Entropy) -> Secret<String> {
    Secret::new(STANDARD.encode(random::<32>(entropy)))
}
