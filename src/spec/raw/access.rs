//! Who may use the cluster.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::Spanned;

/// Who may use the cluster, and how they prove who they are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawAccess {
    /// The identity provider that the Kubernetes API trusts.
    pub oidc: Option<Spanned<RawOidc>>,
    /// Who gets which ClusterRole.
    #[serde(default)]
    pub bindings: Vec<RawBinding>,
}

/// The identity provider that the Kubernetes API trusts: a component, or one spelled out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawOidc {
    /// The component that is the provider.
    #[schemars(example = &"zitadel")]
    pub provider: Option<Text>,
    /// The provider's issuer URL, when no component is.
    #[schemars(example = &"https://id.homelab.local")]
    pub issuer: Option<Text>,
    /// The client that tokens are made for.
    #[schemars(example = &"kubernetes")]
    pub client_id: Option<Text>,
    /// The claim that holds the user's name; `email` unless you say otherwise.
    #[schemars(example = &"email")]
    pub username_claim: Option<Text>,
    /// The claim that holds the user's groups; `groups` unless you say otherwise.
    #[schemars(example = &"groups")]
    pub groups_claim: Option<Text>,
}

/// Who gets a ClusterRole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawBinding {
    /// A group of the identity provider.
    #[schemars(example = &"admins@homelab.local")]
    pub group: Option<Text>,
    /// A user of the identity provider.
    #[schemars(example = &"me@homelab.local")]
    pub user: Option<Text>,
    /// The ClusterRole.
    #[schemars(required, example = &"cluster-admin")]
    pub cluster_role: Option<Text>,
}
