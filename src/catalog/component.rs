//! What a component is: the typed form of `catalog/<name>/component.yaml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::load::{Folder, load};

/// Every component and application that this build knows, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    components: BTreeMap<String, Entry>,
}

/// A component of the catalogue, perhaps as the files that it is read from.
#[derive(Clone, Debug)]
struct Entry {
    component: OnceLock<Component>,
    /// The folder of a shipped component, and its files.
    shipped: Option<(Utf8PathBuf, Folder)>,
}

impl Entry {
    fn get(&self) -> &Component {
        self.component.get_or_init(|| {
            let (folder, files) = self.shipped.clone().unwrap_or_default();
            load(&folder, files).expect("a test reads every component that is shipped")
        })
    }
}

impl From<Component> for Entry {
    fn from(component: Component) -> Self {
        Self {
            component: component.into(),
            shipped: None,
        }
    }
}

/// One component: what it is, needs, provides and asks of the nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Its name, which is its folder's.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// Where it belongs in overviews.
    pub category: Category,
    /// The version of a component that has no chart; absent when [`Component::chart`] is there.
    #[serde(default)]
    pub version: Option<String>,
    /// The image whose tag the version is, of a component that has no chart: where newer versions
    /// are found, and why the owner pins it.
    #[serde(default)]
    pub image: Option<String>,
    /// The Helm chart that installs it.
    #[serde(default)]
    pub chart: Option<Chart>,
    /// The namespace it lives in.
    pub namespace: Namespace,
    /// Installed before Git takes over: a network plugin, the virtual IP, the GitOps engine.
    #[serde(default)]
    pub before_git: bool,
    /// JSON Schema (draft 2020-12) of its options, an object with defaults.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// Capabilities that something else in the cluster must provide.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Capabilities that it provides, such as `cni` or `network-policy`.
    #[serde(default)]
    pub provides: Vec<String>,
    /// Components that must be ready first, if they are in the cluster at all.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// How to tell that an object of its second stage is ready, where its conditions alone do not.
    #[serde(default)]
    pub health_checks: Vec<HealthCheck>,
    /// Secrets that it expects, written encrypted under `cluster/secrets/<name>/`.
    #[serde(default)]
    pub secrets: Vec<SecretDeclaration>,
    /// Processor architectures of its images, in Go's words.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// What it asks of the machines.
    #[serde(default)]
    pub nodes: NodeRequirements,
    /// The folder's further files by name relative to it: `values.yaml.j2`, `resources/*.yaml.j2`.
    #[serde(skip)]
    pub templates: BTreeMap<String, String>,
}

/// Where a component belongs in overviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Pod network, virtual IPs, DNS, gateways.
    Network,
    /// Volumes.
    Storage,
    /// Who somebody is.
    Identity,
    /// Certificates and secrets.
    Security,
    /// Metrics, logs, dashboards.
    Observability,
    /// The GitOps engine itself.
    Gitops,
    /// What the cluster is for.
    App,
}

/// A Helm chart and where it comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chart {
    /// The chart's name; also the release's name.
    pub name: String,
    /// The repository.
    pub source: ChartSource,
    /// The version that this catalogue was written for, without a leading `v` unless the chart has one.
    pub version: String,
    /// The range of chart versions that the templates are right for, as a semver requirement.
    pub supports: String,
}

/// The kinds of Helm repositories.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ChartSource {
    /// An OCI repository: `oci://host/path`, the chart's name included.
    Oci(String),
    /// An HTTP repository with an `index.yaml`.
    Helm(String),
}

/// A namespace and how strict it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// The Pod Security Standard that is enforced in it.
    pub pod_security: PodSecurity,
}

/// The Pod Security Standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodSecurity {
    /// No restriction.
    Privileged,
    /// Known privilege escalations are prevented.
    Baseline,
    /// Hardened.
    Restricted,
}

/// A secret that a component expects.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretDeclaration {
    /// The Kubernetes Secret's name.
    pub name: String,
    /// What it is for, one line.
    pub summary: String,
    /// A condition over the template's context, such as `options.dns == "cloudflare"`; without one
    /// the secret is always expected.
    #[serde(default)]
    pub when: Option<String>,
    /// Its keys.
    pub keys: Vec<SecretKey>,
}

/// How to tell that an object is ready, as CEL over its fields.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// The object's API group and version.
    pub api_version: String,
    /// The object's kind.
    pub kind: String,
    /// True when it is as it should be.
    pub current: String,
    /// True when it cannot become so by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// One key of a declared secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// The key's name.
    pub name: String,
    /// Where its value comes from.
    pub value: SecretValue,
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SecretValue {
    /// A person is asked, with this text.
    Prompt(String),
    /// This many random bytes, as hexadecimal digits.
    Random(usize),
}

/// What a component asks of the machines, by distribution.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeRequirements {
    /// On Talos Linux.
    #[serde(default)]
    pub talos: TalosRequirements,
}

/// What a component asks of Talos machines.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TalosRequirements {
    /// System extensions that must be in the image.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Kernel arguments that must be in the image.
    #[serde(default)]
    pub kernel_args: Vec<String>,
    /// Strategic-merge patches for every machine configuration.
    #[serde(default)]
    pub patches: Vec<Value>,
    /// Strategic-merge patches for control planes.
    #[serde(default)]
    pub control_plane_patches: Vec<Value>,
}

impl Catalog {
    /// Makes a catalogue of these components.
    pub fn new(components: impl IntoIterator<Item = Component>) -> Self {
        Self {
            components: components
                .into_iter()
                .map(|c| (c.name.clone(), c.into()))
                .collect(),
        }
    }

    /// Adds a component, replacing one of the same name.
    pub fn insert(&mut self, component: Component) {
        self.components
            .insert(component.name.clone(), component.into());
    }

    /// Adds components of the program's own: each is read when somebody asks for it.
    pub(super) fn with_shipped(mut self, folders: BTreeMap<Utf8PathBuf, Folder>) -> Self {
        for (folder, files) in folders {
            let name = folder.file_name().unwrap_or_default().to_owned();
            let entry = Entry {
                component: OnceLock::new(),
                shipped: Some((folder, files)),
            };
            self.components.insert(name, entry);
        }
        self
    }

    /// Returns the component of this name.
    pub fn get(&self, name: &str) -> Option<&Component> {
        self.components.get(name).map(Entry::get)
    }

    /// Iterates over all components, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.components.values().map(Entry::get)
    }

    /// Returns all names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.components.keys().map(String::as_str)
    }
}

impl Component {
    /// Tells whether it is an application, listed under `apps:` and placed under `cluster/apps/`.
    pub fn is_app(&self) -> bool {
        self.category == Category::App
    }

    /// Tells whether it brings the definition of an object's kind (`provides: crd:<group>`).
    pub fn defines_kind_of(&self, object: &Value) -> bool {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let group = version.split_once('/').map(|(group, _)| group);
        let defines =
            |capability: &String| group.is_some() && capability.strip_prefix("crd:") == group;
        self.provides.iter().any(defines)
    }

    /// Returns the version that this catalogue was written for.
    pub fn catalog_version(&self) -> &str {
        let chart = self.chart.as_ref().map(|chart| chart.version.as_str());
        chart.or(self.version.as_deref()).unwrap_or_default()
    }
}
