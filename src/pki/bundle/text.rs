//! The bundle's YAML.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Certificates, ClusterIdentity, EncodedPair, JoinSecrets, SecretsBundle};
use crate::model::Secret;
use crate::yaml;

/// Why a text is not a secrets bundle.
#[derive(Debug, thiserror::Error)]
pub enum ParseBundleError {
    /// It is not YAML.
    #[error("not a secrets bundle")]
    Yaml(#[from] yaml::ParseError),
    /// It lacks a part, or a part has another type.
    #[error("not a secrets bundle")]
    Shape(#[source] serde_json::Error),
}

impl SecretsBundle {
    /// Reads a bundle as `talosctl gen secrets` writes it; keys that it does not know, such as
    /// SOPS' own, are passed over.
    pub fn parse(text: &str) -> Result<Self, ParseBundleError> {
        let document = yaml::parse(text)?;
        let raw: Raw = serde_json::from_value(document).map_err(ParseBundleError::Shape)?;
        Ok(raw.into())
    }

    /// Returns the bundle as a document, in the order of `talosctl gen secrets`: plain text, for
    /// encryption only.
    pub fn to_document(&self) -> Value {
        let mut secrets = Map::new();
        let mut insert = |key: &str, value: Option<&Secret<String>>| {
            if let Some(value) = value {
                secrets.insert(key.to_owned(), Value::from(value.expose().as_str()));
            }
        };
        insert("bootstraptoken", Some(&self.secrets.bootstrap_token));
        insert(
            "aescbcencryptionsecret",
            self.secrets.aescbc_encryption_secret.as_ref(),
        );
        insert(
            "secretboxencryptionsecret",
            self.secrets.secretbox_encryption_secret.as_ref(),
        );
        let pair = |pair: &EncodedPair| json!({"crt": pair.certificate, "key": pair.key.expose()});
        let certificates = &self.certificates;
        json!({
            "cluster": {"id": self.cluster.id, "secret": self.cluster.secret.expose()},
            "secrets": secrets,
            "trustdinfo": {"token": self.trustd_token.expose()},
            "certs": {
                "etcd": pair(&certificates.etcd),
                "k8s": pair(&certificates.k8s),
                "k8saggregator": pair(&certificates.k8s_aggregator),
                "k8sserviceaccount": {"key": certificates.k8s_service_account.expose()},
                "os": pair(&certificates.os),
            },
        })
    }

    /// Returns the bundle as YAML.
    pub fn to_yaml(&self) -> Secret<String> {
        Secret::new(yaml::emit(&self.to_document()))
    }
}

#[derive(Deserialize)]
struct Raw {
    cluster: RawCluster,
    secrets: RawSecrets,
    trustdinfo: RawTrustd,
    certs: RawCertificates,
}

#[derive(Deserialize)]
struct RawCluster {
    id: String,
    secret: String,
}

#[derive(Deserialize)]
struct RawSecrets {
    bootstraptoken: String,
    aescbcencryptionsecret: Option<String>,
    secretboxencryptionsecret: Option<String>,
}

#[derive(Deserialize)]
struct RawTrustd {
    token: String,
}

#[derive(Deserialize)]
struct RawCertificates {
    etcd: RawPair,
    k8s: RawPair,
    k8saggregator: RawPair,
    k8sserviceaccount: RawKey,
    os: RawPair,
}

#[derive(Deserialize)]
struct RawPair {
    crt: String,
    key: String,
}

#[derive(Deserialize)]
struct RawKey {
    key: String,
}

impl From<Raw> for SecretsBundle {
    fn from(raw: Raw) -> Self {
        let optional = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Secret::new);
        Self {
            cluster: ClusterIdentity {
                id: raw.cluster.id,
                secret: raw.cluster.secret.into(),
            },
            secrets: JoinSecrets {
                bootstrap_token: raw.secrets.bootstraptoken.into(),
                aescbc_encryption_secret: optional(raw.secrets.aescbcencryptionsecret),
                secretbox_encryption_secret: optional(raw.secrets.secretboxencryptionsecret),
            },
            trustd_token: raw.trustdinfo.token.into(),
            certificates: Certificates {
                etcd: raw.certs.etcd.into(),
                k8s: raw.certs.k8s.into(),
                k8s_aggregator: raw.certs.k8saggregator.into(),
                k8s_service_account: raw.certs.k8sserviceaccount.key.into(),
                os: raw.certs.os.into(),
            },
        }
    }
}

impl From<RawPair> for EncodedPair {
    fn from(raw: RawPair) -> Self {
        Self {
            certificate: raw.crt,
            key: raw.key.into(),
        }
    }
}
