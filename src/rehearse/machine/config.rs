//! The configuration that a machine was given: read as Talos reads it, checked as far as a
//! rehearsal depends on it.
//!
//! What is checked: decoding, the kinds of documents, the keys of the first two levels, a
//! reference that nobody replaced, the parts that Talos validates before it accepts anything, and
//! the certificates that the machine will serve with. Deeper keys are not; the real `talosctl
//! validate` judges those.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::pki::{Certificate, CertificateAuthority, PrivateKey};
use crate::render::talos::{Contract, Form, forms, has_own_network, in_older_form};
use crate::spec::cluster::Role;
use crate::yaml;

use super::known::{DOCUMENT_KINDS, unknown_keys};

/// The label and taint of control planes.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// A configuration that the machine accepts. It holds secrets: no `Debug`.
#[derive(Clone, PartialEq)]
pub struct MachineConfig {
    text: String,
    /// The documents as they were sent.
    documents: Vec<Value>,
    /// The v1alpha1 document, with what documents of 1.14 say where the releases before have it.
    main: Value,
    role: Role,
}

/// Why a configuration is not accepted, in Talos' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(super) String);

impl MachineConfig {
    /// Decodes and validates a configuration.
    pub fn parse(data: &[u8]) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(data)
            .map_err(|_| ConfigError("yaml: control characters are not allowed".to_owned()))?;
        let documents = yaml::parse_documents(text)
            .map_err(|error| ConfigError(format!("error decoding document: {error}")))?;
        for (position, document) in documents.iter().enumerate() {
            if !is_newer(document) {
                check_document(document, line_of_document(text, position))?;
            }
        }
        let older = if documents.iter().any(is_newer) {
            in_older_form(Contract::V1_13, documents.clone())
        } else {
            documents.clone()
        };
        let Some(main) = older.into_iter().find(is_main) else {
            return Err(ConfigError(
                "the applied machine configuration doesn't contain v1alpha1 config, did you mean \
                 to patch the machine config instead?"
                    .to_owned(),
            ));
        };
        let role = match main.pointer("/machine/type").and_then(Value::as_str) {
            Some("controlplane" | "init") => Role::ControlPlane,
            _ => Role::Worker,
        };
        let config = Self {
            text: text.to_owned(),
            role,
            documents,
            main,
        };
        joined(&config.problems())?;
        Ok(config)
    }

    /// Returns the text as it was sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what the machine does.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns a value of the v1alpha1 document by its JSON pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.main.pointer(pointer)
    }

    /// Returns a text of the v1alpha1 document by its JSON pointer.
    pub fn text_at(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// Returns the documents of a kind, as they were sent.
    pub fn documents<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.documents
            .iter()
            .filter(move |document| document.get("kind").and_then(Value::as_str) == Some(kind))
    }

    /// Returns the host name, unless the machine is to make one up.
    pub fn hostname(&self) -> Option<&str> {
        self.documents("HostnameConfig")
            .find_map(|document| document.get("hostname")?.as_str())
            .or_else(|| self.text_at("/machine/network/hostname"))
    }

    /// Returns the name of the cluster.
    pub fn cluster_name(&self) -> &str {
        self.text_at("/cluster/clusterName").unwrap_or_default()
    }

    /// Returns the URL of the Kubernetes API.
    pub fn endpoint(&self) -> &str {
        self.text_at("/cluster/controlPlane/endpoint")
            .unwrap_or_default()
    }

    /// Returns the host of the Kubernetes API's URL.
    pub fn endpoint_host(&self) -> &str {
        let authority = self.endpoint().trim_start_matches("https://");
        let authority = authority.split('/').next().unwrap_or_default();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority
                .rsplit_once(':')
                .map_or(authority, |(host, _)| host),
        }
    }

    /// Tells whether machines of the cluster find each other without the endpoint.
    pub fn has_discovery(&self) -> bool {
        let flag = |pointer| self.get(pointer).and_then(Value::as_bool).unwrap_or(false);
        flag("/cluster/discovery/enabled")
            && !flag("/cluster/discovery/registries/service/disabled")
    }

    /// Tells whether ordinary pods may run here although it is a control plane.
    pub(in crate::rehearse) fn is_schedulable(&self) -> bool {
        // Since 1.14 the taint is written out; before, it is there unless a field says otherwise.
        match self.documents("KubeNodeConfig").next() {
            Some(node) => !node["taints"]
                .as_object()
                .is_some_and(|taints| taints.contains_key(CONTROL_PLANE)),
            None => self.get("/cluster/allowSchedulingOnControlPlanes") == Some(&Value::Bool(true)),
        }
    }

    /// Tells whether the machine brings a pod network of its own: control planes do, for all.
    pub(in crate::rehearse) fn has_own_network(&self) -> bool {
        self.role == Role::ControlPlane && has_own_network(&self.documents)
    }

    /// Returns what tells the cluster's etcd from any other: its authority.
    pub(super) fn etcd_authority(&self) -> &str {
        self.text_at("/cluster/etcd/ca/crt").unwrap_or_default()
    }

    /// Returns the authority of the Talos API as every machine has it.
    pub fn talos_certificate(&self) -> Option<Certificate> {
        let pem = decode(self.text_at("/machine/ca/crt")?)?;
        Certificate::parse(&pem).ok()
    }

    /// Returns the authority of the Talos API with its key, which only control planes have.
    pub fn talos_authority(&self) -> Option<CertificateAuthority> {
        self.authority("/machine/ca")
    }

    /// Returns the authority of Kubernetes with its key, which only control planes have.
    pub fn kubernetes_authority(&self) -> Option<CertificateAuthority> {
        self.authority("/cluster/ca")
    }

    /// Returns the extra names of the Talos API's certificate.
    pub fn certificate_names(&self) -> Vec<String> {
        let names = self.get("/machine/certSANs").and_then(Value::as_array);
        names
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    /// Tells whether this configuration can replace another without a restart.
    pub(super) fn takes_effect_at_once(&self, current: &Self) -> bool {
        const NEED_A_REBOOT: [&str; 9] = [
            "/machine/type",
            "/machine/token",
            "/machine/files",
            "/machine/env",
            "/machine/disks",
            "/machine/udev",
            "/machine/systemDiskEncryption",
            "/machine/features/rbac",
            "/persist",
        ];
        NEED_A_REBOOT
            .iter()
            .all(|pointer| self.get(pointer) == current.get(pointer))
    }

    fn authority(&self, pointer: &str) -> Option<CertificateAuthority> {
        let certificate = decode(self.text_at(&format!("{pointer}/crt"))?)?;
        let key = decode(self.text_at(&format!("{pointer}/key"))?)?;
        Some(CertificateAuthority {
            certificate: Certificate::parse(&certificate).ok()?,
            key: PrivateKey::parse(&key).ok()?,
        })
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        let filled = |pointer| self.text_at(pointer).is_some_and(|text| !text.is_empty());
        require(
            matches!(
                self.text_at("/machine/type"),
                Some("controlplane" | "init" | "worker")
            ),
            "unknown machine type",
        );
        require(
            self.get("/machine/install").is_some(),
            "install instructions are required in \"metal\" mode",
        );
        require(
            self.endpoint().starts_with("https://"),
            "cluster controlplane endpoint is required",
        );
        require(
            filled("/machine/token"),
            "trustd token is required (.machine.token)",
        );
        require(
            self.talos_certificate().is_some(),
            "issuing CA or some accepted CAs are required (.machine.ca, machine.acceptedCAs)",
        );
        match self.role {
            Role::ControlPlane => {
                require(
                    self.talos_authority().is_some(),
                    "issuing CA key is required for controlplane nodes (.machine.ca.key)",
                );
                require(
                    self.kubernetes_authority().is_some(),
                    "issuing Kubernetes API CA and its key are required (.cluster.ca)",
                );
                require(
                    filled("/cluster/etcd/ca/crt"),
                    "etcd CA is required (.cluster.etcd.ca)",
                );
            }
            Role::Worker => {
                require(
                    !filled("/machine/ca/key"),
                    "issuing Talos API CA key is not allowed on non-controlplane nodes (.machine.ca)",
                );
                require(
                    !filled("/cluster/ca/key"),
                    "issuing Kubernetes API CA key is not allowed on non-controlplane nodes (.cluster.ca)",
                );
                require(
                    self.get("/cluster/etcd").is_none(),
                    "etcd config is only allowed on control plane machines",
                );
            }
        }
        problems
    }
}

/// Tells whether a document is one of those that 1.14 writes in place of older fields. They are read
/// where the releases before have them.
fn is_newer(document: &Value) -> bool {
    let kind = document.get("kind").and_then(Value::as_str);
    let newer = |form: &Form| form.part.is_none() && form.since > Contract::V1_13;
    kind.is_some_and(|kind| forms().iter().any(|form| form.kind == kind && newer(form)))
}

/// Puts problems together as Talos does; none is no error.
pub(super) fn joined(problems: &[String]) -> Result<(), ConfigError> {
    let count = match problems.len() {
        0 => return Ok(()),
        1 => "1 error".to_owned(),
        more => format!("{more} errors"),
    };
    let list = problems.join("\n\t* ");
    Err(ConfigError(format!("{count} occurred:\n\t* {list}\n\n")))
}

fn is_main(document: &Value) -> bool {
    document.get("kind").is_none() && document.get("version").is_some()
}

fn check_document(document: &Value, line: usize) -> Result<(), ConfigError> {
    let text = |key| {
        document
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (version, kind) = (text("apiVersion"), text("kind"));
    let problem = if is_main(document) {
        let unknown = unknown_keys(document);
        match left_reference(document, &mut Vec::new()) {
            Some(path) => Some(format!("cannot unmarshal !!map into string at {path}")),
            None => unknown.map(|keys| format!("unknown keys found during decoding:\n{keys}")),
        }
    } else if kind.is_empty() {
        Some("missing kind".to_owned())
    } else if version.is_empty() {
        Some("missing apiVersion".to_owned())
    } else if !DOCUMENT_KINDS.contains(&kind) {
        Some(format!("{kind:?} {version:?}: not registered"))
    } else {
        left_reference(document, &mut Vec::new())
            .map(|path| format!("cannot unmarshal !!map into string at {path}"))
    };
    let name = text("name");
    let id = match (is_main(document), name) {
        (true, _) => "/v1alpha1/".to_owned(),
        (false, "") => format!("{version}/{kind}/"),
        (false, name) => format!("{version}/{kind}/{name}"),
    };
    match problem {
        Some(problem) => Err(ConfigError(format!(
            "error decoding document {id} (line {line}): {problem}"
        ))),
        None => Ok(()),
    }
}

/// Finds a reference to a secret that was not replaced by the secret.
fn left_reference(value: &Value, path: &mut Vec<String>) -> Option<String> {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("secretRef") => {
            Some(path.join("."))
        }
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            path.push(key.clone());
            let found = left_reference(value, path);
            path.pop();
            found
        }),
        Value::Array(items) => items.iter().find_map(|item| left_reference(item, path)),
        _ => None,
    }
}

fn line_of_document(text: &str, position: usize) -> usize {
    let separators = (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.trim_end() == "---");
    let starts_with_separator = text.trim_start().starts_with("---");
    match (position, starts_with_separator) {
        (0, false) => 1,
        (position, leading) => separators
            .map(|(line, _)| line + 1)
            .nth(position - usize::from(!leading))
            .unwrap_or(1),
    }
}

fn decode(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}
