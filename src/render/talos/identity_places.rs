//! What makes a machine and its cluster what they are, in machine configurations: whose word it is, and what
//! stays for the life of the cluster.
//!
//! Patches must leave these places as they are; a change of one that stays for life reaches no machine that
//! runs.

use super::MAIN;

/// A place in a document.
#[derive(Debug)]
pub struct IdentityPlace {
    /// The document's kind.
    pub kind: &'static str,
    /// The path in it.
    pub path: &'static str,
    /// Whose word it is.
    pub owner: Owner,
    /// What it is, where it stays for life.
    pub for_life: Option<&'static str>,
}

/// Whose a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The spec's, by this key.
    Spec(&'static str),
    /// The secrets bundle's.
    Bundle,
}
use Owner::{Bundle, Spec};

const fn lasting(
    kind: &'static str,
    path: &'static str,
    owner: Owner,
    what: &'static str,
) -> IdentityPlace {
    IdentityPlace {
        kind,
        path,
        owner,
        for_life: Some(what),
    }
}

const fn passing(kind: &'static str, path: &'static str, owner: Owner) -> IdentityPlace {
    IdentityPlace {
        kind,
        path,
        owner,
        for_life: None,
    }
}

const ROLE: Owner = Spec("`role` of the node");
const NAME: Owner = Spec("`name` of the node");
const DISK: Owner = Spec("`disk` of the node");
const ENDPOINT: Owner = Spec("`controlPlane`");
const CLUSTER: Owner = Spec("`metadata.name`");
const PODS: Owner = Spec("`network.pods`");
const SERVICES: Owner = Spec("`network.services`");
const DOMAIN: Owner = Spec("`network.clusterDomain`");

/// The places, those of the documents of Talos 1.14 behind those before it.
pub const IDENTITY: &[IdentityPlace] = &[
    lasting(MAIN, "machine.type", ROLE, "the machine's role"),
    lasting(MAIN, "machine.network.hostname", NAME, "the machine's name"),
    passing(MAIN, "machine.install.disk", DISK),
    passing(MAIN, "machine.install.diskSelector", DISK),
    passing(MAIN, "cluster.controlPlane.endpoint", ENDPOINT),
    lasting(MAIN, "cluster.clusterName", CLUSTER, "the cluster's name"),
    lasting(
        MAIN,
        "cluster.network.podSubnets",
        PODS,
        "the pods' network",
    ),
    lasting(
        MAIN,
        "cluster.network.serviceSubnets",
        SERVICES,
        "the services' network",
    ),
    lasting(
        MAIN,
        "cluster.network.dnsDomain",
        DOMAIN,
        "the cluster's domain",
    ),
    passing(MAIN, "machine.token", Bundle),
    lasting(MAIN, "machine.ca", Bundle, "Talos' authority"),
    lasting(MAIN, "cluster.id", Bundle, "the cluster's identity"),
    lasting(MAIN, "cluster.secret", Bundle, "the cluster's identity"),
    passing(MAIN, "cluster.token", Bundle),
    lasting(MAIN, "cluster.ca", Bundle, "Kubernetes' authority"),
    lasting(
        MAIN,
        "cluster.aggregatorCA",
        Bundle,
        "the aggregation layer's authority",
    ),
    lasting(
        MAIN,
        "cluster.serviceAccount",
        Bundle,
        "the key of service accounts",
    ),
    lasting(MAIN, "cluster.etcd.ca", Bundle, "etcd's authority"),
    lasting(
        MAIN,
        "cluster.secretboxEncryptionSecret",
        Bundle,
        "the key of stored Secrets",
    ),
    lasting(
        MAIN,
        "cluster.aescbcEncryptionSecret",
        Bundle,
        "the key of stored Secrets",
    ),
    lasting("HostnameConfig", "hostname", NAME, "the machine's name"),
    passing("UnattendedInstallConfig", "provisioning.diskSelector", DISK),
    passing("KubeClusterConfig", "endpoint", ENDPOINT),
    lasting(
        "KubeClusterConfig",
        "clusterName",
        CLUSTER,
        "the cluster's name",
    ),
    lasting("KubeNetworkConfig", "podSubnets", PODS, "the pods' network"),
    lasting(
        "KubeNetworkConfig",
        "serviceSubnets",
        SERVICES,
        "the services' network",
    ),
    lasting(
        "KubeNetworkConfig",
        "dnsDomain",
        DOMAIN,
        "the cluster's domain",
    ),
    lasting(
        "DiscoveryIdentityConfig",
        "clusterID",
        Bundle,
        "the cluster's identity",
    ),
    lasting(
        "DiscoveryIdentityConfig",
        "clusterSecret",
        Bundle,
        "the cluster's identity",
    ),
    lasting(
        "KubeAPIServerCAConfig",
        "issuingCA",
        Bundle,
        "Kubernetes' authority",
    ),
    lasting(
        "KubeAggregatorCAConfig",
        "issuingCA",
        Bundle,
        "the aggregation layer's authority",
    ),
    lasting(
        "KubeServiceAccountConfig",
        "issuer.privateKey",
        Bundle,
        "the key of service accounts",
    ),
    lasting(
        "KubeEtcdEncryptionConfig",
        "config.resources",
        Bundle,
        "the key of stored Secrets",
    ),
];
