//! A kubeconfig: who the administrator is, whom to trust, where the API is.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use crate::model::Secret;
use crate::pki::Certificate;
use crate::yaml;

/// The credentials of a kubeconfig's current context.
#[derive(Clone)]
pub struct Access {
    /// The authority of the API's certificate, DER.
    pub(super) authority: Vec<CertificateDer<'static>>,
    /// The administrator's certificate, DER.
    pub(super) certificate: Vec<CertificateDer<'static>>,
    /// The administrator's key, PEM.
    key: Secret<Vec<u8>>,
    /// The URL of the API.
    pub server: String,
}

/// Why a kubeconfig is not usable.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It is not YAML.
    #[error("the kubeconfig is not YAML")]
    Syntax,
    /// Something is missing in it.
    #[error("the kubeconfig has no usable `{0}`")]
    Missing(&'static str),
}

impl Access {
    /// Reads cluster and user of the kubeconfig's current context, the first of each where it names none.
    pub fn parse(text: &Secret<String>) -> Result<Self, AccessError> {
        // A syntax error would quote the text, which holds a key.
        let config = yaml::parse(text.expose()).map_err(|_| AccessError::Syntax)?;
        let context = match config["current-context"].as_str() {
            Some(current) if !current.is_empty() => &named(&config, "contexts", current)["context"],
            _ => &Value::Null,
        };
        let part = |list: &str, part: &str| match context[part].as_str() {
            Some(name) => &named(&config, list, name)[part],
            None => &config[list][0][part],
        };
        let (cluster, user) = (part("clusters", "cluster"), part("users", "user"));
        let key = decode(user, "client-key-data")?;
        PrivateKeyDer::from_pem_slice(&key).map_err(|_| AccessError::Missing("client-key-data"))?;
        Ok(Self {
            authority: certificates(cluster, "certificate-authority-data")?,
            certificate: certificates(user, "client-certificate-data")?,
            key: Secret::new(key),
            server: cluster["server"]
                .as_str()
                .ok_or(AccessError::Missing("server"))?
                .to_owned(),
        })
    }

    /// Returns when the administrator's certificate ends.
    pub fn ends(&self) -> Option<Timestamp> {
        let certificate = Certificate::from_der(self.certificate.first()?).ok()?;
        Some(certificate.validity().until)
    }

    /// Returns the administrator's key.
    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.expose()).expect("it was read once when parsed")
    }
}

/// Points every cluster of a kubeconfig at another URL.
pub fn with_server(text: &Secret<String>, server: &str) -> Result<Secret<String>, AccessError> {
    let mut config = yaml::parse(text.expose()).map_err(|_| AccessError::Syntax)?;
    let clusters = config["clusters"]
        .as_array_mut()
        .ok_or(AccessError::Missing("clusters"))?;
    for cluster in clusters {
        cluster["cluster"]["server"] = Value::from(server);
    }
    Ok(Secret::new(yaml::emit(&config)))
}

/// The entry of a list with this name.
fn named<'a>(config: &'a Value, list: &str, name: &str) -> &'a Value {
    let mut entries = config[list].as_array().into_iter().flatten();
    entries
        .find(|entry| entry["name"] == name)
        .unwrap_or(&Value::Null)
}

fn certificates(
    value: &Value,
    field: &'static str,
) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let pem = decode(value, field)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(AccessError::Missing(field)),
    }
}

fn decode(value: &Value, field: &'static str) -> Result<Vec<u8>, AccessError> {
    let text = value[field].as_str().ok_or(AccessError::Missing(field))?;
    BASE64_STANDARD
        .decode(text)
        .map_err(|_| AccessError::Missing(field))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::pki::contexts::{Current, KubeContext};
    use crate::pki::{SecretsBundle, SeededEntropy};

    #[test]
    fn the_current_context_decides() {
        let now = "2027-01-01T00:00:00Z".parse().expect("a time");
        let mut entropy = SeededEntropy::new(1);
        let client = SecretsBundle::throwaway()
            .kubernetes_admin(Duration::from_hours(1), now, &mut entropy)
            .expect("makes one");
        let context = KubeContext {
            name: "admin@lab",
            cluster: "lab",
            server: "https://10.0.0.1:6443",
            client: &client,
        };
        let others = json!({
            "current-context": "other",
            "clusters": [{"name": "other", "cluster": {"server": "https://10.0.0.2:6443"}}],
            "users": [{"name": "other", "user": {"token": "t"}}],
            "contexts": [{"name": "other", "context": {"cluster": "other", "user": "other"}}],
        });
        let read = |current| {
            let merged = context.merge_into(others.clone(), current).expect("merges");
            Access::parse(&Secret::new(merged.to_string()))
        };
        let access = read(Current::Switch).expect("it is complete");
        assert_eq!(access.server, "https://10.0.0.1:6443");
        // A token is no certificate.
        let refused = read(Current::Keep).err().map(|error| error.to_string());
        let expected = "the kubeconfig has no usable `client-key-data`";
        assert_eq!(refused.as_deref(), Some(expected));
    }
}
