//! Which cluster this repository is known to run: noted once its machines were met, so that a bundle
//! that was mixed up is found before a machine is.
//!
//! Nothing in the note is secret: it holds the fingerprint of the cluster's identity, which a cluster
//! keeps for life; authorities may be rotated.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::OpenError;
use crate::pki::SecretsBundle;
use crate::pki::bundle::BundleProblem;
use crate::store::keep;

/// Where the note lies in a repository; Git ignores it.
const NOTE: &str = ".homelab/state/cluster.json";

/// What is known of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCluster {
    /// The fingerprint of its identity.
    identity: String,
}

impl KnownCluster {
    /// Returns what is known of a bundle's cluster.
    pub fn of(bundle: &SecretsBundle) -> Self {
        Self {
            identity: fingerprint(&bundle.cluster.id),
        }
    }

    /// Reads the note of a repository, if there is one.
    pub fn read(root: &Utf8Path) -> Result<Option<Self>, OpenError> {
        let unreadable = |source| OpenError::Read {
            file: Utf8PathBuf::from(NOTE),
            source,
        };
        let text = keep::read_if_there(&root.join(NOTE)).map_err(unreadable)?;
        let read =
            |text: String| serde_json::from_str(&text).map_err(|error| unreadable(error.into()));
        text.map(read).transpose()
    }

    /// Notes it in a repository.
    pub fn write(&self, root: &Utf8Path) -> io::Result<()> {
        let path = root.join(NOTE);
        if path.exists() {
            return Ok(());
        }
        keep::replace(&path, serde_json::to_string_pretty(self)?.as_bytes(), false)?;
        Ok(())
    }

    /// Finds the entry of a bundle that is another cluster's.
    pub(super) fn contradiction(&self, content: &Value) -> Option<BundleProblem> {
        let identity = content.pointer("/cluster/id").and_then(Value::as_str)?;
        let path = "cluster.id";
        let differs = fingerprint(identity) != self.identity;
        differs.then_some(BundleProblem::OtherCluster { path })
    }

    /// Returns what to do about another cluster's bundle.
    pub(super) fn remedy() -> String {
        format!(
            "take this cluster's own bundle from a backup or from Git's history; for a new cluster in this repository \
             remove `{NOTE}`"
        )
    }
}

fn fingerprint(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.trim()))
}
