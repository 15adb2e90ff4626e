//! The certificates that a machine serves with, and what it accepts of its callers.
//!
//! Keys follow from the world's seed, so that fingerprints in a timeline repeat themselves.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::connect::CertificateTime;
use crate::pki::{
    Certificate, CertificateAuthority, CertificateError, KeyKind, Leaf, PrivateKey, Purpose,
    SeededEntropy, Subject, Validity,
};

use super::calls::{Access, Caller};
use super::config::MachineConfig;
use super::machine::Machine;
use crate::rehearse::span::mix;

/// Talos renews the certificates of its API twice in their lifetime.
const LIFETIME: Duration = Duration::from_hours(24);

/// Why a machine cannot serve.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdentityError {
    #[error("cannot make a certificate")]
    Certificate(#[from] CertificateError),
    #[error("TLS does not take the certificate")]
    Tls(#[from] rustls::Error),
    #[error("there is nobody to sign the certificate")]
    NoSigner,
}

/// A server certificate with its key, and whose clients it accepts.
pub(super) struct ServerIdentity {
    certificate: Certificate,
    key: PrivateKey,
    /// `None` in maintenance: clients need no certificate.
    clients: Option<Certificate>,
}

impl ServerIdentity {
    /// Makes the certificate that the machine shows in this boot.
    ///
    /// `signer` signs for a worker, which has no authority of its own.
    pub(super) fn of(
        machine: &Machine,
        signer: Option<&CertificateAuthority>,
        seed: u64,
        now: Timestamp,
    ) -> Result<Self, IdentityError> {
        let name = &machine.spec().name;
        let mode = (machine.is_in_maintenance(), machine.is_renamed());
        let about = format!("{name}/{}/{mode:?}", machine.boots);
        let mut entropy = SeededEntropy::new(mix(seed, &about));
        let key =
            PrivateKey::generate(KeyKind::Ed25519, &mut entropy).map_err(CertificateError::from)?;
        let (authority, clients, common_name, names) = match machine.config() {
            Some(config) if !machine.is_in_maintenance() => {
                let authority = signer.cloned().ok_or(IdentityError::NoSigner)?;
                let clients = config.talos_certificate();
                let names = names(machine, config);
                (authority, clients, machine.hostname(), names)
            }
            _ => {
                let subject = Subject {
                    organization: Some("talos".to_owned()),
                    common_name: None,
                };
                let authority =
                    CertificateAuthority::generate(&subject, KeyKind::Ed25519, now, &mut entropy)?;
                let names = vec![machine.address().to_string(), "127.0.0.1".to_owned()];
                let common_name = if machine.is_renamed() {
                    machine.hostname()
                } else {
                    "maintenance-service.talos.dev".to_owned()
                };
                (authority, None, common_name, names)
            }
        };
        let leaf = Leaf {
            subject: Subject {
                organization: None,
                common_name: Some(common_name),
            },
            purpose: Purpose::TalosServer,
            names,
            validity: Validity::around(now, LIFETIME),
        };
        Ok(Self {
            certificate: authority.issue(&leaf, &key, &mut entropy)?,
            key,
            clients,
        })
    }

    /// Returns what a TLS server works with.
    pub(super) fn tls(&self, time: CertificateTime) -> Result<Arc<ServerConfig>, IdentityError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(time))
            .with_safe_default_protocol_versions()?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.to_rustls())?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| rustls::Error::General(error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = vec![self.certificate.to_rustls()];
        let mut config = builder.with_single_cert(chain, self.key.to_rustls())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn names(machine: &Machine, config: &MachineConfig) -> Vec<String> {
    let mut names = config.certificate_names();
    names.push(machine.hostname());
    names.push(machine.address().to_string());
    names.push("127.0.0.1".to_owned());
    names
}

/// Reads from a client's certificate who calls; `None` when Talos would not take the certificate.
pub(super) fn caller(certificate: Option<&CertificateDer<'_>>, from: Arc<str>) -> Option<Caller> {
    let Some(certificate) = certificate else {
        return Some(Caller {
            name: "maintenance".to_owned(),
            access: Access::Read,
            from,
        });
    };
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    // apid takes certificates that are good for nothing but this.
    let usage = certificate.extended_key_usage().ok()??.value;
    if !usage.client_auth || usage.server_auth || usage.any || !usage.other.is_empty() {
        return None;
    }
    let subject = certificate.subject();
    let access = subject
        .iter_organization()
        .filter_map(|role| role.as_str().ok())
        .map(access_of_role)
        .max()
        .unwrap_or(Access::Nothing);
    Some(Caller {
        name: subject.to_string(),
        access,
        from,
    })
}

fn access_of_role(role: &str) -> Access {
    match role {
        "os:admin" => Access::Everything,
        "os:operator" => Access::Operate,
        "os:reader" => Access::Read,
        _ => Access::Nothing,
    }
}
