//! A cluster's bundle out of a control plane's machine configuration, which holds every part of it.
//!
//! Up to Talos 1.13 everything stands in the v1alpha1 document; since 1.14 some of it in documents of
//! its own, where certificates and keys are PEM instead of base64 of PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::problem::REDACTED;
use super::{Certificates, ClusterIdentity, EncodedPair, JoinSecrets, SecretsBundle};
use crate::model::Secret;
use crate::yaml;

/// Why no bundle comes out of a machine configuration; says nothing of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It is not YAML.
    #[error("not YAML")]
    Yaml,
    /// No document of it is Talos' main one.
    #[error("no document has `machine` and `cluster`: this is no Talos machine configuration")]
    NoConfig,
    /// It is a worker's, which holds no authority's key.
    #[error(
        "this is a worker's configuration: it lacks the authorities' keys; take a control plane's"
    )]
    Worker,
    /// A value is missing.
    #[error("expected text at `{path}`")]
    Missing {
        /// The place in the configuration.
        path: &'static str,
    },
    /// A value was left out on purpose.
    #[error("`{path}` is redacted (`{REDACTED}`)")]
    Redacted {
        /// The place in the configuration.
        path: &'static str,
    },
}

impl SecretsBundle {
    /// Recovers the bundle of the cluster that a control plane's configuration belongs to.
    pub fn from_control_plane_config(text: &str) -> Result<Self, RecoverError> {
        // The parser's own words may quote the line it stopped at.
        let documents = yaml::parse_documents(text).map_err(|_| RecoverError::Yaml)?;
        let config = Config::new(&documents)?;
        let text = |places: &[Place]| config.required(places);
        let secret = |places: &[Place]| text(places).map(Secret::new);
        let pair = |legacy: [&'static str; 2], kind: &'static str| {
            let [certificate, key] = legacy;
            let pem = |path| Place::Pem(kind, path);
            Ok::<_, RecoverError>(EncodedPair {
                certificate: text(&[Place::Main(certificate), pem("/issuingCA/cert")])?,
                key: secret(&[Place::Main(key), pem("/issuingCA/key")])?,
            })
        };
        Ok(Self {
            cluster: ClusterIdentity {
                id: text(&[
                    Place::Main("/cluster/id"),
                    Place::Document("DiscoveryIdentityConfig", "/clusterID"),
                ])?,
                secret: secret(&[
                    Place::Main("/cluster/secret"),
                    Place::Document("DiscoveryIdentityConfig", "/clusterSecret"),
                ])?,
            },
            secrets: join_secrets(&config)?,
            trustd_token: secret(&[Place::Main("/machine/token")])?,
            certificates: Certificates {
                etcd: pair(["/cluster/etcd/ca/crt", "/cluster/etcd/ca/key"], "")?,
                k8s: pair(
                    ["/cluster/ca/crt", "/cluster/ca/key"],
                    "KubeAPIServerCAConfig",
                )?,
                k8s_aggregator: pair(
                    ["/cluster/aggregatorCA/crt", "/cluster/aggregatorCA/key"],
                    "KubeAggregatorCAConfig",
                )?,
                k8s_service_account: secret(&[
                    Place::Main("/cluster/serviceAccount/key"),
                    Place::Pem("KubeServiceAccountConfig", "/issuer/privateKey"),
                ])?,
                os: pair(["/machine/ca/crt", "/machine/ca/key"], "")?,
            },
        })
    }
}

fn join_secrets(config: &Config<'_>) -> Result<JoinSecrets, RecoverError> {
    let provided = |provider| config.etcd_key(provider).map(Secret::new);
    let legacy = |path| {
        let found = config.optional(&[Place::Main(path)])?;
        Ok::<_, RecoverError>(found.map(Secret::new))
    };
    Ok(JoinSecrets {
        bootstrap_token: Secret::new(config.required(&[Place::Main("/cluster/token")])?),
        aescbc_encryption_secret: legacy("/cluster/aescbcEncryptionSecret")?
            .or_else(|| provided("aescbc")),
        secretbox_encryption_secret: legacy("/cluster/secretboxEncryptionSecret")?
            .or_else(|| provided("secretbox")),
    })
}

/// Where a value may stand.
#[derive(Clone, Copy)]
enum Place {
    /// In the v1alpha1 document.
    Main(&'static str),
    /// In the document of a kind.
    Document(&'static str, &'static str),
    /// In the document of a kind, as PEM.
    Pem(&'static str, &'static str),
}

struct Config<'a> {
    documents: &'a [Value],
    main: &'a Value,
}

impl<'a> Config<'a> {
    fn new(documents: &'a [Value]) -> Result<Self, RecoverError> {
        let is_main = |document: &&Value| {
            document.get("machine").is_some() && document.get("cluster").is_some()
        };
        let main = documents
            .iter()
            .find(is_main)
            .ok_or(RecoverError::NoConfig)?;
        if main.pointer("/machine/type").and_then(Value::as_str) == Some("worker") {
            return Err(RecoverError::Worker);
        }
        Ok(Self { documents, main })
    }

    fn document(&self, kind: &str) -> Option<&'a Value> {
        let mut documents = self.documents.iter();
        documents.find(|document| document.get("kind").and_then(Value::as_str) == Some(kind))
    }

    fn find(&self, place: Place) -> Option<String> {
        let (document, path) = match place {
            Place::Main(path) => (Some(self.main), path),
            Place::Document(kind, path) | Place::Pem(kind, path) => (self.document(kind), path),
        };
        let text = document?.pointer(path)?.as_str()?;
        let text = match place {
            Place::Pem(..) if text != REDACTED && !text.is_empty() => STANDARD.encode(text),
            _ => text.to_owned(),
        };
        (!text.is_empty()).then_some(text)
    }

    fn optional(&self, places: &[Place]) -> Result<Option<String>, RecoverError> {
        let found = places
            .iter()
            .find_map(|place| Some((*place, self.find(*place)?)));
        match found {
            Some((place, text)) if text == REDACTED => {
                Err(RecoverError::Redacted { path: place.path() })
            }
            found => Ok(found.map(|(_, text)| text)),
        }
    }

    fn required(&self, places: &[Place]) -> Result<String, RecoverError> {
        let path = places.first().map_or("", |place| place.path());
        self.optional(places)?.ok_or(RecoverError::Missing { path })
    }

    /// The first key with which a provider encrypts Secrets in etcd.
    fn etcd_key(&self, provider: &str) -> Option<String> {
        let config = self.document("KubeEtcdEncryptionConfig")?;
        let resources = config.pointer("/config/resources")?.as_array()?;
        let of_secrets = |resource: &&Value| {
            let names = resource.get("resources").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|name| name == "secrets"))
        };
        let providers = resources.iter().find(of_secrets)?.get("providers")?;
        let key = providers.get(0)?.get(provider)?.pointer("/keys/0/secret")?;
        key.as_str().map(str::to_owned)
    }
}

impl Place {
    const fn path(self) -> &'static str {
        match self {
            Self::Main(path) | Self::Document(_, path) | Self::Pem(_, path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A v1alpha1 document with the published bundle in it, put together by Talos' own table of places.
    fn legacy() -> Value {
        let bundle = SecretsBundle::throwaway();
        let at = |path: &str| bundle.lookup(path).unwrap().to_owned();
        let pair = |name: &str| json!({"crt": at(&format!("certs.{name}.crt")), "key": at(&format!("certs.{name}.key"))});
        json!({
            "version": "v1alpha1",
            "machine": {
                "type": "controlplane", "token": at("trustdinfo.token"), "ca": pair("os"),
            },
            "cluster": {
                "id": at("cluster.id"), "secret": at("cluster.secret"),
                "token": at("secrets.bootstraptoken"),
                "secretboxEncryptionSecret": at("secrets.secretboxencryptionsecret"),
                "ca": pair("k8s"), "aggregatorCA": pair("k8saggregator"),
                "serviceAccount": {"key": at("certs.k8sserviceaccount.key")},
                "etcd": {"ca": pair("etcd")},
            },
        })
    }

    fn pem(path: &str) -> String {
        let bundle = SecretsBundle::throwaway();
        let bytes = STANDARD.decode(bundle.lookup(path).unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The same as Talos 1.14 spreads it over documents.
    fn split() -> Vec<Value> {
        let bundle = SecretsBundle::throwaway();
        let at = |path: &str| bundle.lookup(path).unwrap().to_owned();
        let mut main = legacy();
        for gone in [
            "id",
            "secret",
            "secretboxEncryptionSecret",
            "ca",
            "aggregatorCA",
            "serviceAccount",
        ] {
            main["cluster"].as_object_mut().unwrap().remove(gone);
        }
        let kind = |kind: &str, fields: Value| {
            let mut document = json!({"apiVersion": "v1alpha1", "kind": kind});
            document
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            document
        };
        let issuing = |name: &str| {
            json!({"issuingCA": {
                "cert": pem(&format!("certs.{name}.crt")), "key": pem(&format!("certs.{name}.key")),
            }})
        };
        let key = json!({"name": "key2", "secret": at("secrets.secretboxencryptionsecret")});
        vec![
            main,
            kind(
                "DiscoveryIdentityConfig",
                json!({"clusterID": at("cluster.id"), "clusterSecret": at("cluster.secret")}),
            ),
            kind("KubeAPIServerCAConfig", issuing("k8s")),
            kind("KubeAggregatorCAConfig", issuing("k8saggregator")),
            kind(
                "KubeServiceAccountConfig",
                json!({"issuer": {"privateKey": pem("certs.k8sserviceaccount.key")}}),
            ),
            kind(
                "KubeEtcdEncryptionConfig",
                json!({"config": {"resources": [{
                    "resources": ["secrets"], "providers": [{"secretbox": {"keys": [key]}}, {"identity": {}}],
                }]}}),
            ),
        ]
    }

    fn recovered(documents: &[Value]) -> Value {
        let text = yaml::emit_documents(documents);
        match SecretsBundle::from_control_plane_config(&text) {
            Ok(bundle) => bundle.to_document(),
            Err(error) => panic!("{error}"),
        }
    }

    fn refusal(documents: &[Value]) -> String {
        let text = yaml::emit_documents(documents);
        match SecretsBundle::from_control_plane_config(&text) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn both_forms_of_configuration_hold_the_whole_bundle() {
        let expected = SecretsBundle::throwaway().to_document();
        let host = json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig", "auto": "stable"});
        assert!(recovered(&[host, legacy()]) == expected);
        assert!(recovered(&split()) == expected);
    }

    #[test]
    fn what_holds_no_whole_bundle_is_refused_with_the_place() {
        let with = |change: fn(&mut Value)| {
            let mut config = legacy();
            change(&mut config);
            refusal(&[config])
        };
        assert_eq!(
            refusal(&[json!({"a": 1})]),
            RecoverError::NoConfig.to_string()
        );
        assert_eq!(
            with(|it| it["machine"]["type"] = "worker".into()),
            RecoverError::Worker.to_string()
        );
        assert_eq!(
            with(|it| it["machine"]["ca"]["key"] = "".into()),
            "expected text at `/machine/ca/key`"
        );
        assert_eq!(
            with(|it| it["cluster"]["secret"] = "******".into()),
            "`/cluster/secret` is redacted (`******`)"
        );
    }
}
