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
    /// Reads the kubeconfig's first cluster and user.
    pub fn parse(text: &Secret<String>) -> Result<Self, AccessError> {
        // A syntax error would quote the text, which holds a key.
        let config = yaml::parse(text.expose()).map_err(|_| AccessError::Syntax)?;
        let cluster = &config["clusters"][0]["cluster"];
        let user = &config["users"][0]["user"];
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
