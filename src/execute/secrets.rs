//! From an opened bundle to what a run needs of it.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use super::inputs::Secrets;
use crate::catalog::Catalog;
use crate::model::NodeName;
use crate::pki::identity::IdentityError;
use crate::pki::{Entropy, SecretsBundle, TalosRole};
use crate::plan::{Expiry, Renewal};
use crate::render::reference::{JoinError, Joined, SecretSource};
use crate::render::talos::{TalosRenderError, documents};
use crate::spec::Cluster;

/// Longer than any run; nobody keeps the certificate.
const CLIENT_LIFETIME: Duration = Duration::from_hours(24);

/// Why a bundle does not make what a run needs.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A configuration cannot be rendered.
    #[error("cannot render the machine configurations")]
    Render(#[from] TalosRenderError),
    /// A secret is missing.
    #[error("cannot join the machine configurations with their secrets")]
    Join(#[from] JoinError),
    /// The client certificate cannot be made.
    #[error("cannot make a Talos client certificate")]
    Identity(#[from] IdentityError),
    /// The bundle's authority is not usable.
    #[error("the bundle's Talos authority is not usable")]
    Authority(#[from] crate::pki::bundle::PartError),
    /// The client certificate is not usable.
    #[error("the Talos client certificate is not usable")]
    Credentials(#[from] talos_api::CredentialsError),
}

impl Secrets {
    /// Joins every node's configuration with its secrets and makes an administrator of the Talos
    /// API, in memory. The age key and the Git credentials are the caller's to add.
    pub fn from_bundle(
        cluster: &Cluster,
        catalog: &Catalog,
        bundle: &SecretsBundle,
        source: &dyn SecretSource,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, SecretsError> {
        let mut configurations = BTreeMap::new();
        for node in &cluster.nodes {
            let documents = documents(cluster, catalog, &node.name)?;
            configurations.insert(node.name.clone(), Joined::new(documents, source)?);
        }
        let fingerprint = bundle
            .talos_authority()?
            .certificate
            .public_key_fingerprint();
        Ok(Self {
            configurations,
            talos: administrator(bundle, now, entropy)?,
            talos_ca: BASE64_STANDARD.encode(fingerprint),
            authorities: authorities(bundle),
            age_key: None,
            unreadable: Vec::new(),
            missing: Vec::new(),
            git: None,
        })
    }

    /// Returns the image that each machine would install itself from, as its configuration has it.
    pub fn images(&self) -> BTreeMap<NodeName, String> {
        let image = |configuration: &Joined| {
            configuration.documents().iter().find_map(|document| {
                // Up to the contract of 1.13, and from 1.14 on.
                let image = match document["kind"].as_str() {
                    Some("UnattendedInstallConfig") => document.pointer("/installer/image"),
                    _ => document.pointer("/machine/install/image"),
                };
                Some(image?.as_str()?.to_owned())
            })
        };
        self.configurations
            .iter()
            .filter_map(|(name, configuration)| Some((name.clone(), image(configuration)?)))
            .collect()
    }
}

/// Makes an administrator of the Talos API, for this run only.
pub fn administrator(
    bundle: &SecretsBundle,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<talos_api::Credentials, SecretsError> {
    let client = bundle.talos_client(TalosRole::Admin, CLIENT_LIFETIME, now, entropy)?;
    Ok(talos_api::Credentials::from_pem(
        &client.authority.pem(),
        &client.certificate.pem(),
        client.key.pem().expose(),
    )?)
}

fn authorities(bundle: &SecretsBundle) -> Vec<Expiry> {
    let certificates = &bundle.certificates;
    let named = [
        ("Talos' authority", &certificates.os),
        ("Kubernetes' authority", &certificates.k8s),
        (
            "the aggregation layer's authority",
            &certificates.k8s_aggregator,
        ),
        ("etcd's authority", &certificates.etcd),
    ];
    named
        .into_iter()
        .filter_map(|(what, pair)| {
            Some(Expiry {
                what: what.to_owned(),
                until: pair.decode_certificate().ok()?.validity().until,
                renewal: Renewal::Rotation,
            })
        })
        .collect()
}
