//! The file as a whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    RawAccess, RawClass, RawComponent, RawControlPlane, RawDistribution, RawGitOps, RawNetwork,
    RawNode, RawPatches, RawPolicy, RawSecrets, Text,
};
use crate::yaml::Spanned;

/// One Kubernetes cluster at home, from its machines to what runs on it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "homelab.yaml")]
pub struct RawFile {
    /// The version of this file's format.
    #[schemars(required, extend("const" = "homelab/v1alpha1"), example = &"homelab/v1alpha1")]
    pub api_version: Option<Text>,
    /// What the file describes.
    #[schemars(required, extend("const" = "Cluster"), example = &"Cluster")]
    pub kind: Option<Text>,
    /// What the cluster is called.
    #[schemars(required)]
    pub metadata: Option<RawMetadata>,
    /// What the cluster is.
    #[schemars(required)]
    pub spec: Option<RawSpec>,
}

/// What the cluster is called.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawMetadata {
    /// The cluster's name: lower-case letters, digits and inner hyphens.
    #[schemars(required, example = &"homelab")]
    pub name: Option<Text>,
}

/// What the cluster is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawSpec {
    /// Kubernetes itself.
    #[schemars(required)]
    pub kubernetes: Option<RawKubernetes>,
    /// The operating system and Kubernetes distribution of the nodes: exactly one.
    #[schemars(required)]
    pub distribution: Option<RawDistribution>,
    /// Networks and addresses.
    #[schemars(required)]
    pub network: Option<RawNetwork>,
    /// How clients reach the Kubernetes API.
    pub control_plane: Option<RawControlPlane>,
    /// Hardware traits that several nodes share, by a name of your choice.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"nuc": {"arch": "amd64", "memory": "16Gi"}}))]
    pub classes: BTreeMap<String, RawClass>,
    /// The machines.
    #[serde(default)]
    #[schemars(required, length(min = 1, max = 5000))]
    pub nodes: Vec<RawNode>,
    /// Your own changes to machine configurations, from the widest scope to the narrowest.
    pub patches: Option<RawPatches>,
    /// Who may use the cluster, and how they prove who they are.
    pub access: Option<RawAccess>,
    /// Rules that hold for everything in the cluster.
    pub policy: Option<RawPolicy>,
    /// How secrets are kept in Git.
    pub secrets: Option<RawSecrets>,
    /// The engine that reconciles the cluster from Git: exactly one.
    #[schemars(required)]
    pub gitops: Option<RawGitOps>,
    /// Components of the catalogue, by name; `{}` takes the catalogue's defaults.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"cilium": {"version": "1.20.1"}}))]
    pub components: BTreeMap<String, RawComponent>,
    /// Applications of the catalogue, by name.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"demo": {}}))]
    pub apps: BTreeMap<String, RawComponent>,
    /// Warnings that you have read and accept, each with your reason.
    #[serde(default)]
    pub accept: Vec<RawAcceptance>,
}

/// Kubernetes itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawKubernetes {
    /// The Kubernetes version of every node.
    #[schemars(required, example = &"v1.36.4")]
    pub version: Option<Text>,
}

/// A warning that its owner has read and accepts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawAcceptance {
    /// The warning's code.
    #[schemars(required, example = &"HL0206")]
    pub code: Option<Text>,
    /// Why it is accepted here.
    #[schemars(
        required,
        length(min = 1),
        example = &"a fourth machine arrives in spring"
    )]
    pub reason: Option<Spanned<String>>,
}
