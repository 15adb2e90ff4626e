//! What the person at the keyboard agreed to, typed out in full.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::Serialize;

use crate::model::NodeName;

/// Consents given on the command line; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consents {
    /// Disks that may be wiped although they hold something: serial numbers, by node.
    pub wipe: BTreeMap<NodeName, BTreeSet<String>>,
    /// Nodes to leave out of this run although the spec names them.
    pub without: BTreeSet<NodeName>,
    /// Whether a lease whose holder still renews it may be taken.
    pub break_lock: bool,
}

/// One `NODE=SERIAL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wipe {
    /// The node.
    pub node: NodeName,
    /// The serial number or world-wide identifier of the disk.
    pub disk: String,
}

/// Why a text is not a consent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `NODE=SERIAL` such as `talos-1=S4EVNX0R100001`, found `{0}`")]
pub struct ParseWipeError(String);

impl FromStr for Wipe {
    type Err = ParseWipeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParseWipeError(text.to_owned());
        let (node, disk) = text.split_once('=').ok_or_else(invalid)?;
        if disk.is_empty() {
            return Err(invalid());
        }
        Ok(Self {
            node: node.parse().map_err(|_| invalid())?,
            disk: disk.to_owned(),
        })
    }
}

impl Consents {
    /// Adds the consent to wipe one disk.
    pub fn allow_wipe(&mut self, wipe: Wipe) {
        self.wipe.entry(wipe.node).or_default().insert(wipe.disk);
    }

    /// Tells whether this disk of this node may be wiped.
    pub fn allows_wipe(&self, node: &NodeName, serial: &str, wwid: &str) -> bool {
        self.wipe
            .get(node)
            .is_some_and(|disks| disks.contains(serial) || disks.contains(wwid))
    }
}
