//! What the controllers are told about the world outside the API.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::model::{FileTree, NodeName, Version};
use crate::yaml;

/// A kubelet of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubelet {
    /// The node's name.
    pub name: String,
    /// The machine that it runs on.
    pub machine: NodeName,
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
#[derive(Debug, Default)]
pub struct Remote {
    /// Its URL as the spec has it.
    pub url: String,
    /// The branch that is served.
    pub branch: String,
    /// The commit, forty hexadecimal digits.
    pub commit: String,
    /// What the commit holds.
    pub tree: FileTree,
    /// What was read of it so far, for every world that shares this repository.
    pub parsed: Mutex<BTreeMap<Utf8PathBuf, Parsed>>,
}

type Parsed = Result<Arc<[Value]>, Arc<yaml::ParseError>>;

impl Remote {
    /// Returns the documents of a file; `None` when there is no such file.
    pub(super) fn documents(&self, file: &Utf8Path) -> Option<Parsed> {
        let content = self.tree.get(file)?;
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed.get(file) {
            return Some(known.clone());
        }
        let text = String::from_utf8_lossy(&content.bytes);
        let documents = yaml::parse_documents(&text)
            .map(|all| all.into_iter().filter(|it| !it.is_null()).collect())
            .map_err(Arc::new);
        parsed.insert(file.to_owned(), documents.clone());
        Some(documents)
    }
}

/// What the controllers are told about the world outside the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The kubelets, in the order of the spec.
    pub kubelets: Vec<Kubelet>,
    /// Whether the machines bring a pod network of their own.
    pub has_own_network: bool,
}
