//! The bundle's YAML.

use serde_json::{Map, Value, json};

use super::{Certificates, ClusterIdentity, EncodedPair, JoinSecrets, SecretsBundle};
use crate::model::Secret;
use crate::yaml;

/// Why a text is not a secrets bundle; says nothing of what the text holds.
#[derive(Debug, thiserror::Error)]
pub enum ParseBundleError {
    /// It is not YAML.
    #[error("not YAML")]
    Yaml,
    /// It lacks a value, or has something else in its place.
    #[error("expected text at `{path}`")]
    Missing {
        /// The place.
        path: &'static str,
    },
}

impl SecretsBundle {
    /// Reads a bundle as `talosctl gen secrets` writes it; keys that it does not know, such as
    /// SOPS' own, are passed over.
    pub fn parse(text: &str) -> Result<Self, ParseBundleError> {
        // The parser's own words may quote the line it stopped at.
        let document = yaml::parse(text).map_err(|_| ParseBundleError::Yaml)?;
        let reader = Reader(&document);
        Ok(Self {
            cluster: ClusterIdentity {
                id: reader.text("cluster.id")?.to_owned(),
                secret: reader.secret("cluster.secret")?,
            },
            secrets: JoinSecrets {
                bootstrap_token: reader.secret("secrets.bootstraptoken")?,
                aescbc_encryption_secret: reader.optional("secrets.aescbcencryptionsecret"),
                secretbox_encryption_secret: reader.optional("secrets.secretboxencryptionsecret"),
            },
            trustd_token: reader.secret("trustdinfo.token")?,
            certificates: Certificates {
                etcd: reader.pair("certs.etcd.crt", "certs.etcd.key")?,
                k8s: reader.pair("certs.k8s.crt", "certs.k8s.key")?,
                k8s_aggregator: reader
                    .pair("certs.k8saggregator.crt", "certs.k8saggregator.key")?,
                k8s_service_account: reader.secret("certs.k8sserviceaccount.key")?,
                os: reader.pair("certs.os.crt", "certs.os.key")?,
            },
        })
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

/// Finds values by their dotted path.
struct Reader<'a>(&'a Value);

impl<'a> Reader<'a> {
    fn find(&self, path: &str) -> Option<&'a str> {
        let found = path
            .split('.')
            .try_fold(self.0, |value, key| value.get(key));
        found
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    fn text(&self, path: &'static str) -> Result<&'a str, ParseBundleError> {
        self.find(path).ok_or(ParseBundleError::Missing { path })
    }

    fn secret(&self, path: &'static str) -> Result<Secret<String>, ParseBundleError> {
        Ok(Secret::new(self.text(path)?.to_owned()))
    }

    fn optional(&self, path: &str) -> Option<Secret<String>> {
        self.find(path).map(|text| Secret::new(text.to_owned()))
    }

    fn pair(
        &self,
        certificate: &'static str,
        key: &'static str,
    ) -> Result<EncodedPair, ParseBundleError> {
        Ok(EncodedPair {
            certificate: self.text(certificate)?.to_owned(),
            key: self.secret(key)?,
        })
    }
}
