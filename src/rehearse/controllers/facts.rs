//! What the controllers are told about the world outside the API.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{FileTree, Version};

/// A kubelet of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubelet {
    /// The node's name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Whether it is a control plane.
    pub is_control_plane: bool,
    /// Whether ordinary pods may run on it.
    pub is_schedulable: bool,
    /// Whether it runs right now.
    pub is_up: bool,
    /// The Kubernetes version.
    pub version: Version,
    /// The version of Talos.
    pub talos: Version,
    /// Labels that its configuration sets.
    pub labels: BTreeMap<String, String>,
}

/// The repository that the GitOps engine reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remote {
    /// Its URL as the spec has it.
    pub url: String,
    /// The branch that is served.
    pub branch: String,
    /// The commit, forty hexadecimal digits.
    pub commit: String,
    /// What the commit holds.
    pub tree: FileTree,
}

/// What the controllers are told about the world outside the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The kubelets, in the order of the spec.
    pub kubelets: Vec<Kubelet>,
    /// Whether the machines bring a pod network of their own.
    pub has_own_network: bool,
}
