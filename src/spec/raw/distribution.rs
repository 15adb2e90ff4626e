//! The operating system and Kubernetes distribution.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawImage, RawMachine, RawRegistries, Text};
use crate::yaml::Spanned;

/// The operating system and Kubernetes distribution of the nodes: exactly one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawDistribution {
    /// Talos Linux.
    pub talos: Option<Spanned<RawTalos>>,
    /// k3s on a Linux that is already installed.
    pub k3s: Option<Spanned<RawK3s>>,
}

/// Talos Linux.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawTalos {
    /// The Talos release that nodes run.
    #[schemars(required, example = &"v1.13.9")]
    pub version: Option<Text>,
    /// The host of the Image Factory that makes images; the public one unless you say otherwise.
    #[schemars(example = &"factory.talos.dev")]
    pub factory: Option<Text>,
    /// The image that every node runs.
    pub image: Option<RawImage>,
    /// Whether nodes find each other through Talos' discovery service; they do unless you say otherwise.
    #[schemars(example = true)]
    pub discovery: Option<Spanned<bool>>,
    /// Whether nodes speak to each other through a mesh of WireGuard (KubeSpan).
    #[schemars(example = false)]
    pub kube_span: Option<Spanned<bool>>,
    /// How nodes reach images of containers.
    pub registries: Option<RawRegistries>,
    /// How the system of every node is set.
    pub machine: Option<RawMachine>,
}

/// k3s on a Linux that is already installed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawK3s {
    /// The k3s release.
    #[schemars(required, example = &"v1.33.3+k3s1")]
    pub version: Option<Text>,
    /// Where the control plane keeps its state.
    #[schemars(example = &"etcd")]
    pub datastore: Option<Spanned<RawDatastore>>,
    /// The system of the hosts.
    #[schemars(example = &"nixos")]
    pub host: Option<Spanned<RawHostSystem>>,
    /// Parts that k3s brings and this cluster does without.
    #[serde(default)]
    #[schemars(example = ["traefik", "servicelb"])]
    pub disable: Vec<Text>,
}

/// Where a k3s control plane keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawDatastore {
    /// A file on the only server.
    Sqlite,
    /// etcd on every server.
    Etcd,
}

/// The system of k3s hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawHostSystem {
    /// A Linux with systemd, reached over SSH.
    Systemd,
    /// NixOS, described by generated modules.
    Nixos,
}
