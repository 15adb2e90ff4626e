//! Everything a run needs from outside, so that a rehearsal runs the very same code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::event::Sink;
use super::state::State;
use crate::connect::{SharedConnector, SharedProbe};
use crate::git::{Commit, Remote};
use crate::model::{Clock, NodeName, Secret};
use crate::plan::{Consents, Expiry, Milestone, Origins, Tree, Unreadable};
use crate::render::bootstrap::BootstrapManifests;
use crate::render::reference::Joined;
use crate::spec::{Cluster, Placeholder};

/// What a bootstrap works from and with.
#[derive(Clone)]
pub struct Inputs {
    /// The cluster as it should be.
    pub cluster: Arc<Cluster>,
    /// Objects that are applied before Git takes over.
    pub manifests: Arc<BootstrapManifests>,
    /// Which files the objects of the repository come from.
    pub origins: Arc<Origins>,
    /// Whether the files on disk are what the spec renders.
    pub tree: Tree,
    /// What a preset left in the spec, unless the connection map stands in for it.
    pub placeholders: Vec<Placeholder>,
    /// The local commit that holds the tree.
    pub commit: Commit,
    /// Key material; `Err` holds the path where a bundle is missing.
    pub secrets: Result<Arc<Secrets>, Utf8PathBuf>,
    /// The Git remote as this computer reaches it.
    pub remote: Remote,
    /// What the person agreed to.
    pub consents: Consents,
    /// Where to stop; `None` to do everything.
    pub until: Option<Milestone>,
    /// How long machines that do not answer are waited for before anything is decided: after an
    /// interrupted run they may be installing.
    pub patience: Duration,
    /// Who runs this: stable for one computer and directory, different for any other.
    pub operator: Operator,
    /// The way to every machine and service.
    pub connector: SharedConnector,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The journal, the lock and the kubeconfig.
    pub state: Arc<dyn State>,
    /// Where events go.
    pub sink: Arc<dyn Sink>,
    /// Sees journal writes; [`crate::connect::NoProbe`] in real runs.
    pub probe: SharedProbe,
}

/// Who runs this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// This computer and directory, as one opaque text.
    pub identity: String,
    /// For people: user and host.
    pub label: String,
}

/// Key material, in memory only.
pub struct Secrets {
    /// Complete machine configurations, by node.
    pub configurations: BTreeMap<NodeName, Joined>,
    /// An administrator of the Talos API.
    pub talos: talos_api::Credentials,
    /// SHA-256 of the Talos authority's public key, in base64.
    pub talos_ca: String,
    /// When the bundle's authorities end.
    pub authorities: Vec<Expiry>,
    /// What `sops-age` gets: the private key that opens the encrypted files in Git.
    pub age_key: Option<Secret<String>>,
    /// Encrypted files that do not open with the age key.
    pub unreadable: Vec<Unreadable>,
    /// Encrypted files that components expect and that are not there.
    pub missing: Vec<Utf8PathBuf>,
    /// The keys of the Secret that the GitOps engine reads the repository with.
    pub git: Option<BTreeMap<String, Secret<String>>>,
}
