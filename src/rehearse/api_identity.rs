//! The certificate of a simulated API server: signed by the authority in the machine's own
//! configuration, as kube-apiserver's is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::machine::Machine;
use super::span::mix;
use crate::connect::CertificateTime;
use crate::pki::{
    CertificateAuthority, CertificateError, KeyKind, Leaf, PrivateKey, Purpose, SeededEntropy,
    Subject, Validity,
};

const LIFETIME: Duration = Duration::from_hours(365 * 24);

/// Why an API server has no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiIdentityError {
    #[error("the configuration has no authority for Kubernetes")]
    NoAuthority,
    #[error("cannot make the API server's certificate")]
    Certificate(#[from] CertificateError),
    #[error("cannot use the API server's certificate")]
    Tls(#[from] rustls::Error),
}

/// Returns what the API server of a control plane speaks TLS with. Clients need no certificate to
/// connect; what they may see without one is the API's business.
pub(super) fn tls(
    machine: &Machine,
    seed: u64,
    now: Timestamp,
    time: CertificateTime,
) -> Result<Arc<ServerConfig>, ApiIdentityError> {
    let config = machine.config().ok_or(ApiIdentityError::NoAuthority)?;
    let authority = config
        .kubernetes_authority()
        .ok_or(ApiIdentityError::NoAuthority)?;
    let about = format!("{}/kube-apiserver", machine.spec().name);
    let mut entropy = SeededEntropy::new(mix(seed, &about));
    let key =
        PrivateKey::generate(KeyKind::EcdsaP256, &mut entropy).map_err(CertificateError::from)?;
    let extra = config.get("/cluster/apiServer/certSANs");
    let extra = extra.and_then(serde_json::Value::as_array);
    let mut names: Vec<String> = extra
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.extend([
        config.endpoint_host().to_owned(),
        machine.address().to_string(),
        machine.hostname(),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "kubernetes".to_owned(),
        "kubernetes.default".to_owned(),
        "kubernetes.default.svc".to_owned(),
    ]);
    let leaf = Leaf {
        subject: Subject {
            organization: Some("kube-master".to_owned()),
            common_name: Some("kube-apiserver".to_owned()),
        },
        purpose: Purpose::KubernetesServer,
        names,
        validity: Validity::around(now, LIFETIME),
    };
    let certificate = authority.issue(&leaf, &key, &mut entropy)?;
    server_config(&authority, &certificate.to_rustls(), &key, time)
}

fn server_config(
    authority: &CertificateAuthority,
    certificate: &rustls_pki_types::CertificateDer<'static>,
    key: &PrivateKey,
    time: CertificateTime,
) -> Result<Arc<ServerConfig>, ApiIdentityError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.to_rustls())?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(time))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.clone()], key.to_rustls())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
