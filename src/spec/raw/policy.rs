//! Rules that hold for everything in the cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::Spanned;

/// Rules that hold for everything in the cluster.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawPolicy {
    /// The Pod Security Standard of namespaces that name none.
    #[schemars(example = &"baseline")]
    pub pod_security: Option<Spanned<RawPodSecurity>>,
    /// What pods may reach when no policy speaks of them.
    #[schemars(example = &"default-deny")]
    pub network_policy: Option<Spanned<RawNetworkPolicy>>,
    /// Resource quotas by namespace.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"demo": {"requests.cpu": "2", "requests.memory": "4Gi"}}))]
    pub quotas: BTreeMap<String, BTreeMap<String, Text>>,
    /// Priority classes of workloads.
    #[serde(default)]
    pub priority_classes: Vec<RawPriorityClass>,
}

/// The Pod Security Standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawPodSecurity {
    /// No restriction.
    Privileged,
    /// Known privilege escalations are prevented.
    Baseline,
    /// Hardened.
    Restricted,
}

/// What pods may reach when no policy speaks of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawNetworkPolicy {
    /// Everything.
    Allow,
    /// Nothing but DNS.
    DefaultDeny,
}

/// A priority class.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawPriorityClass {
    /// Its name.
    #[schemars(required, example = &"homelab-critical")]
    pub name: Option<Text>,
    /// Its priority: higher goes first.
    #[schemars(required, example = 1_000_000)]
    pub value: Option<Spanned<i32>>,
}
