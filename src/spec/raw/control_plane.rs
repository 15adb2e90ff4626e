//! How clients reach the Kubernetes API.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::Spanned;

/// How clients reach the Kubernetes API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawControlPlane {
    /// A virtual IP that moves between the control planes.
    pub vip: Option<Spanned<RawVip>>,
    /// Host and port of an external balancer, in place of a virtual IP.
    #[schemars(example = &"k8s.homelab.local:6443")]
    pub endpoint: Option<Text>,
    /// Further names and addresses by which the Kubernetes API and the machines are reached, for their
    /// certificates.
    #[serde(default, rename = "certSANs")]
    #[schemars(example = ["k8s.homelab.local", "203.0.113.7"])]
    pub cert_sans: Vec<Text>,
    /// Whether ordinary pods may run on control planes; only if there is no worker unless you say
    /// otherwise.
    #[schemars(example = true)]
    pub schedulable: Option<Spanned<bool>>,
}

/// A virtual IP that moves between the control planes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawVip {
    /// The address, inside the nodes' network and used by nothing else.
    #[schemars(required, example = &"192.168.1.100")]
    pub address: Option<Text>,
    /// Who announces it.
    #[schemars(required, example = &"kube-vip")]
    pub provider: Option<Spanned<RawVipProvider>>,
}

/// Who announces the virtual IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawVipProvider {
    /// The kube-vip component.
    KubeVip,
    /// Talos itself.
    Talos,
}
