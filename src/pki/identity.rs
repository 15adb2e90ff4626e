//! Short-lived client identities, made from the bundle whenever one is needed.
//!
//! Nobody has to keep an administrator's certificate for a year: whoever can open the bundle can
//! make one that holds for an hour.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::bundle::PartError;
use super::{
    Certificate, CertificateAuthority, CertificateError, Entropy, KeyKind, Leaf, PrivateKey,
    Purpose, SecretsBundle, Subject, Validity,
};
use crate::model::Secret;
use crate::yaml;

/// What a client of the Talos API may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalosRole {
    /// Everything.
    Admin,
    /// Read, reboot, control services, take etcd snapshots.
    Operator,
    /// Read what holds no secret.
    Reader,
    /// Take etcd snapshots.
    EtcdBackup,
}

/// A client's certificate and key, and the authority that its server must be signed by.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The authority of the servers that it talks to.
    pub authority: Certificate,
    /// The client's own certificate.
    pub certificate: Certificate,
    /// The client's key.
    pub key: PrivateKey,
}

/// Why a client identity cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The bundle's authority is not usable.
    #[error("the secrets bundle has no usable authority at `{path}`")]
    Authority {
        /// The place in the bundle.
        path: &'static str,
        /// Why.
        #[source]
        source: PartError,
    },
    /// The certificate cannot be made.
    #[error("cannot make a client certificate")]
    Issue(#[from] CertificateError),
}

impl TalosRole {
    /// Returns the role as certificates spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "os:admin",
            Self::Operator => "os:operator",
            Self::Reader => "os:reader",
            Self::EtcdBackup => "os:etcd:backup",
        }
    }
}

impl SecretsBundle {
    /// Makes a client of the Talos API with this role, for this long.
    pub fn talos_client(
        &self,
        role: TalosRole,
        lifetime: Duration,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<ClientIdentity, IdentityError> {
        let path = "certs.os";
        let authority = self
            .talos_authority()
            .map_err(|source| IdentityError::Authority { path, source })?;
        let leaf = Leaf {
            subject: Subject {
                organization: Some(role.as_str().to_owned()),
                common_name: None,
            },
            purpose: Purpose::TalosClient,
            names: Vec::new(),
            validity: Validity::around(now, lifetime),
        };
        client(authority, &leaf, KeyKind::Ed25519, entropy)
    }

    /// Makes a Kubernetes administrator, for this long.
    pub fn kubernetes_admin(
        &self,
        lifetime: Duration,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<ClientIdentity, IdentityError> {
        let path = "certs.k8s";
        let authority = self
            .kubernetes_authority()
            .map_err(|source| IdentityError::Authority { path, source })?;
        let leaf = Leaf {
            subject: Subject {
                organization: Some("system:masters".to_owned()),
                common_name: Some("admin".to_owned()),
            },
            purpose: Purpose::KubernetesClient,
            names: Vec::new(),
            validity: Validity::around(now, lifetime),
        };
        client(authority, &leaf, KeyKind::EcdsaP256, entropy)
    }
}

fn client(
    authority: CertificateAuthority,
    leaf: &Leaf,
    kind: KeyKind,
    entropy: &mut dyn Entropy,
) -> Result<ClientIdentity, IdentityError> {
    let key = PrivateKey::generate(kind, entropy).map_err(CertificateError::from)?;
    let certificate = authority.issue(leaf, &key, entropy)?;
    Ok(ClientIdentity {
        authority: authority.certificate,
        certificate,
        key,
    })
}

/// Writes a talosconfig with one context, named after the cluster.
pub fn talosconfig(
    cluster: &str,
    endpoints: &[String],
    nodes: &[String],
    client: &ClientIdentity,
) -> Secret<String> {
    let mut context = Map::new();
    context.insert("endpoints".to_owned(), json!(endpoints));
    if !nodes.is_empty() {
        context.insert("nodes".to_owned(), json!(nodes));
    }
    context.insert(
        "ca".to_owned(),
        STANDARD.encode(client.authority.pem()).into(),
    );
    context.insert(
        "crt".to_owned(),
        STANDARD.encode(client.certificate.pem()).into(),
    );
    context.insert(
        "key".to_owned(),
        STANDARD.encode(client.key.pem().expose()).into(),
    );
    let contexts = Map::from_iter([(cluster.to_owned(), Value::Object(context))]);
    emit(&json!({"context": cluster, "contexts": contexts}))
}

/// Writes a kubeconfig with one context, `admin@<cluster>`, for the API at this URL.
pub fn kubeconfig(cluster: &str, server: &str, client: &ClientIdentity) -> Secret<String> {
    let user = format!("admin@{cluster}");
    emit(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": {
                "server": server,
                "certificate-authority-data": STANDARD.encode(client.authority.pem()),
            },
        }],
        "users": [{
            "name": user,
            "user": {
                "client-certificate-data": STANDARD.encode(client.certificate.pem()),
                "client-key-data": STANDARD.encode(client.key.pem().expose()),
            },
        }],
        "contexts": [{
            "name": user,
            "context": {"cluster": cluster, "namespace": "default", "user": user},
        }],
        "current-context": user,
    }))
}

fn emit(document: &Value) -> Secret<String> {
    Secret::new(yaml::emit(document))
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::*;
    use crate::pki::SeededEntropy;

    #[test]
    fn kubernetes_clients_read_the_kubeconfig() {
        let now = "2027-01-01T00:00:00Z".parse().expect("a time");
        let client = SecretsBundle::throwaway()
            .kubernetes_admin(Duration::from_hours(1), now, &mut SeededEntropy::new(1))
            .expect("makes one");
        let text = kubeconfig("homelab", "https://192.168.1.100:6443", &client);
        let read = Kubeconfig::from_yaml(text.expose()).expect("reads it");
        assert_eq!(read.current_context.as_deref(), Some("admin@homelab"));
        let cluster = read.clusters[0].cluster.as_ref().expect("is there");
        assert_eq!(
            cluster.server.as_deref(),
            Some("https://192.168.1.100:6443")
        );
        let authority = cluster
            .certificate_authority_data
            .as_ref()
            .expect("is there");
        let published = SecretsBundle::throwaway().certificates.k8s.certificate;
        assert_eq!(authority, &published);
        let context = read.contexts[0].context.as_ref().expect("is there");
        assert_eq!(context.user.as_deref(), Some("admin@homelab"));
        assert_eq!(context.cluster, "homelab");
    }

    #[test]
    fn a_talosconfig_has_one_context_named_after_the_cluster() {
        let now = "2027-01-01T00:00:00Z".parse().expect("a time");
        let client = SecretsBundle::throwaway()
            .talos_client(
                TalosRole::Reader,
                Duration::from_hours(1),
                now,
                &mut SeededEntropy::new(1),
            )
            .expect("makes one");
        let text = talosconfig("lab", &["192.168.1.101".to_owned()], &[], &client);
        let read = yaml::parse(text.expose()).expect("YAML");
        assert_eq!(read["context"], "lab");
        let context = &read["contexts"]["lab"];
        assert_eq!(context["endpoints"], json!(["192.168.1.101"]));
        assert_eq!(context.get("nodes"), None);
        assert_eq!(
            context["ca"],
            SecretsBundle::throwaway().certificates.os.certificate
        );
    }
}
