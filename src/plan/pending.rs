//! What applying a machine's configuration again would change.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::change::{Change, Effect};

/// How many places are named in one sentence.
const NAMED: usize = 4;

/// What applying a machine's configuration again would change. Secrets are hidden in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Every difference.
    pub changes: Vec<Change>,
    /// Whether the machine itself says that it would reboot.
    pub reboots: bool,
}

impl Pending {
    /// Returns the services that restart, each once.
    pub fn services(&self) -> BTreeSet<&'static str> {
        let services = self
            .changes
            .iter()
            .filter_map(|change| match change.effect {
                Effect::Restarts { service } => Some(service),
                _ => None,
            });
        services.collect()
    }

    /// Tells whether a control plane's etcd goes away for a while.
    pub fn takes_etcd_away(&self) -> bool {
        self.reboots || self.services().contains("etcd")
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places: Vec<String> = Vec::new();
        for change in &self.changes {
            let place = if change.path.is_root() {
                format!("`{}`", change.kind)
            } else {
                format!("`{}`", change.path)
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let more = places.len().saturating_sub(NAMED);
        places.truncate(NAMED);
        if places.is_empty() {
            return f.write_str("the machine says that something differs");
        }
        write!(f, "changes in {}", places.join(", "))?;
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        Ok(())
    }
}
