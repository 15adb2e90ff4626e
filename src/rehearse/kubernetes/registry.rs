//! Which kinds the API serves: Kubernetes' own, and those of established definitions.

use serde_json::Value;

use super::fields::Typing;

/// A served kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group, empty for the core.
    pub group: String,
    /// The version.
    pub version: String,
    /// The name in paths.
    pub plural: String,
    /// The kind.
    pub kind: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    pub(super) custom: bool,
    pub(super) status: bool,
}

impl Resource {
    /// Returns `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Tells whether objects count their generations: those of which a controller has to keep up
    /// with what is wanted.
    pub(super) fn counts_generations(&self) -> bool {
        const GROUPS: [&str; 6] = [
            "admissionregistration.k8s.io",
            "apiextensions.k8s.io",
            "apps",
            "batch",
            "networking.k8s.io",
            "policy",
        ];
        self.custom || GROUPS.contains(&self.group.as_str()) || self.kind == "Pod"
    }

    /// Tells whether the kind is of this `group/version`.
    pub(super) fn is_of(&self, api_version: &str) -> bool {
        match api_version.split_once('/') {
            Some((group, version)) => group == self.group && version == self.version,
            None => self.group.is_empty() && api_version == self.version,
        }
    }

    /// Returns the name that error messages use: `plural.group`.
    pub(super) fn qualified(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// Returns the kind with its group, as refusals of objects name it.
    pub(super) fn qualified_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    pub(super) fn typing(&self) -> Typing {
        if self.custom {
            Typing::Custom
        } else {
            Typing::BuiltIn
        }
    }
}

/// Names a kind by its plural and group, as error messages do.
pub(super) fn qualified(plural: &str, group: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    }
}

/// Group, version, and `plural Kind` with `/` before cluster-wide ones and `+` after those with a
/// status of their own.
const BUILT_IN: &[(&str, &str, &[&str])] = &[
    (
        "",
        "v1",
        &[
            "configmaps ConfigMap",
            "endpoints Endpoints",
            "events Event",
            "limitranges LimitRange",
            "/namespaces Namespace+",
            "/nodes Node+",
            "persistentvolumeclaims PersistentVolumeClaim+",
            "/persistentvolumes PersistentVolume+",
            "pods Pod+",
            "resourcequotas ResourceQuota+",
            "secrets Secret",
            "serviceaccounts ServiceAccount",
            "services Service+",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        &[
            "/mutatingwebhookconfigurations MutatingWebhookConfiguration",
            "/validatingwebhookconfigurations ValidatingWebhookConfiguration",
        ],
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        &["/customresourcedefinitions CustomResourceDefinition+"],
    ),
    (
        "apps",
        "v1",
        &[
            "daemonsets DaemonSet+",
            "deployments Deployment+",
            "replicasets ReplicaSet+",
            "statefulsets StatefulSet+",
        ],
    ),
    (
        "autoscaling",
        "v2",
        &["horizontalpodautoscalers HorizontalPodAutoscaler+"],
    ),
    ("batch", "v1", &["cronjobs CronJob+", "jobs Job+"]),
    (
        "certificates.k8s.io",
        "v1",
        &["/certificatesigningrequests CertificateSigningRequest+"],
    ),
    ("coordination.k8s.io", "v1", &["leases Lease"]),
    ("discovery.k8s.io", "v1", &["endpointslices EndpointSlice"]),
    (
        "networking.k8s.io",
        "v1",
        &[
            "/ingressclasses IngressClass",
            "ingresses Ingress+",
            "networkpolicies NetworkPolicy",
        ],
    ),
    ("node.k8s.io", "v1", &["/runtimeclasses RuntimeClass"]),
    (
        "policy",
        "v1",
        &["poddisruptionbudgets PodDisruptionBudget+"],
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        &[
            "/clusterrolebindings ClusterRoleBinding",
            "/clusterroles ClusterRole",
            "rolebindings RoleBinding",
            "roles Role",
        ],
    ),
    (
        "scheduling.k8s.io",
        "v1",
        &["/priorityclasses PriorityClass"],
    ),
    (
        "storage.k8s.io",
        "v1",
        &["/csidrivers CSIDriver", "/storageclasses StorageClass"],
    ),
];

/// Returns Kubernetes' own kinds.
pub(super) fn built_in() -> Vec<Resource> {
    let mut all = Vec::new();
    for (group, version, kinds) in BUILT_IN {
        for text in *kinds {
            let namespaced = !text.starts_with('/');
            let (plural, kind) = text
                .trim_start_matches('/')
                .split_once(' ')
                .expect("the table has a plural and a kind in each entry");
            all.push(Resource {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
                plural: plural.to_owned(),
                kind: kind.trim_end_matches('+').to_owned(),
                namespaced,
                custom: false,
                status: kind.ends_with('+'),
            });
        }
    }
    all
}

/// Returns the kinds that a definition brings, one for each served version.
pub(super) fn defined_by(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    versions
        .iter()
        .filter(|version| version["served"].as_bool().unwrap_or(true))
        .map(|version| Resource {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&spec["names"]["plural"]),
            kind: text(&spec["names"]["kind"]),
            namespaced: spec["scope"] != "Cluster",
            custom: true,
            status: version["subresources"]["status"].is_object(),
        })
        .collect()
}
