//! What a rehearsal uses in place of secrets: a published bundle, placeholders, credentials that
//! open nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, expected_secrets};
use crate::execute::Secrets;
use crate::model::{FileTree, NodeName, Secret, hexadecimal};
use crate::pki::{SecretsBundle, SeededEntropy, TalosRole, identity};
use crate::render::reference::{JoinError, Joined, SecretRef, SecretSource};
use crate::render::{RenderError, talos};
use crate::spec::Cluster;
use crate::spec::cluster::{GitAuth, GitOps};
use crate::yaml;

const LIFETIME: Duration = Duration::from_hours(24);

/// Why a cluster cannot be rehearsed.
#[derive(Debug, thiserror::Error)]
pub enum PropsError {
    /// It cannot be rendered.
    #[error("cannot render the cluster")]
    Render(#[from] RenderError),
    /// A machine configuration cannot be rendered.
    #[error("cannot render the configuration of `{node}`")]
    Configuration {
        /// The node.
        node: NodeName,
        /// Why.
        #[source]
        source: talos::TalosRenderError,
    },
    /// A machine configuration cannot be joined with secrets.
    #[error("cannot complete the configuration of `{node}`")]
    Join {
        /// The node.
        node: NodeName,
        /// Why.
        #[source]
        source: JoinError,
    },
    /// The throw-away bundle makes no client.
    #[error("cannot make a client of the simulated machines")]
    Identity(#[from] identity::IdentityError),
    /// The client cannot be used.
    #[error("cannot use the client of the simulated machines")]
    Credentials(#[from] talos_api::CredentialsError),
}

/// Knows the throw-away bundle, and a placeholder for every other reference.
struct Placeholders(SecretsBundle);

impl SecretSource for Placeholders {
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let known = SecretSource::lookup(&self.0, reference);
        known.or_else(|| {
            let is_foreign = reference.file != talos::BUNDLE_PATH;
            is_foreign.then(|| Secret::new("rehearsed".to_owned()))
        })
    }
}

/// Makes the key material of a rehearsal.
pub(super) fn secrets(
    cluster: &Cluster,
    catalog: &Catalog,
    now: Timestamp,
) -> Result<Secrets, PropsError> {
    let bundle = SecretsBundle::throwaway();
    let client = bundle.talos_client(
        TalosRole::Admin,
        LIFETIME,
        now,
        &mut SeededEntropy::new(0x7e_4ea4),
    )?;
    let authority = client.authority.clone();
    let fingerprint = authority.public_key_fingerprint();
    let talos = talos_api::Credentials::from_pem(
        &authority.pem(),
        &client.certificate.pem(),
        client.key.pem().expose(),
    )?;
    let source = Placeholders(bundle);
    let mut configurations = BTreeMap::new();
    for node in &cluster.nodes {
        let name = node.name.clone();
        let documents = talos::documents(cluster, catalog, &name).map_err(|source| {
            let node = name.clone();
            PropsError::Configuration { node, source }
        })?;
        let joined = Joined::new(documents, &source).map_err(|source| {
            let node = name.clone();
            PropsError::Join { node, source }
        })?;
        configurations.insert(name, joined);
    }
    let GitOps::Flux(flux) = &cluster.gitops;
    let git = (flux.auth != GitAuth::None).then(|| {
        let placeholder = Secret::new("rehearsed".to_owned());
        BTreeMap::from([("identity".to_owned(), placeholder)])
    });
    Ok(Secrets {
        configurations,
        talos,
        talos_ca: hexadecimal(&fingerprint),
        authorities: Vec::new(),
        age_key: Some(Secret::new("# a rehearsal has no key\n".to_owned())),
        unreadable: Vec::new(),
        missing: Vec::new(),
        git,
    })
}

/// Renders what the Git remote serves: the tree, and a placeholder for each secret that the
/// catalogue declares.
pub(super) fn tree(cluster: &Cluster, catalog: &Catalog) -> Result<FileTree, PropsError> {
    let mut tree = crate::render::render(cluster, catalog)?;
    for secret in expected_secrets(cluster, catalog).map_err(RenderError::from)? {
        let declaration = &secret.declaration;
        let keys = declaration.keys.iter();
        let values: Map<String, Value> = keys
            .map(|key| (key.name.clone(), json!("ENC[rehearsed]")))
            .collect();
        let object = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": declaration.name, "namespace": secret.namespace},
            "stringData": values, "sops": {"mac": "ENC[rehearsed]"},
        });
        if tree.get(&secret.file).is_none() {
            tree.add(secret.file, yaml::emit(&object));
        }
    }
    Ok(tree)
}
