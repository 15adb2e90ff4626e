//! What is around the machines: the Git remote and the virtual IP.

use std::net::IpAddr;
use std::time::Duration;

use crate::connect::{Connector, Target};
use crate::git::{self, Commit, Remote};
use crate::plan::{Git, VipProbe};

const PROBE_DEADLINE: Duration = Duration::from_secs(3);

/// Compares the remote's branch with the commit that holds the tree.
pub async fn git(remote: &Remote, commit: &Commit, connector: &dyn Connector) -> Git {
    let local = match commit {
        Commit::Clean(local) => Some(local.clone()),
        Commit::Served => None,
        Commit::Dirty(paths) => return Git::Uncommitted { paths: *paths },
        Commit::None(reason) => {
            return Git::NoCommit {
                reason: reason.clone(),
            };
        }
    };
    match (git::branch_head(remote, connector).await, local) {
        (Err(error), _) => Git::Unreachable {
            reason: error.to_string(),
        },
        (Ok(Some(revision)), None) => Git::Holds { revision },
        (Ok(Some(revision)), Some(local)) if revision == local => Git::Holds { revision },
        (Ok(remote), local) => Git::Elsewhere {
            remote,
            local: local.unwrap_or_default(),
        },
    }
}

/// Probes the virtual IP. `ours` tells whether this cluster can already be answering there.
pub async fn vip(address: IpAddr, port: u16, ours: bool, connector: &dyn Connector) -> VipProbe {
    let target = Target::new(address, port);
    let answered = tokio::time::timeout(PROBE_DEADLINE, connector.connect(&target)).await;
    match (answered, ours) {
        (Ok(Ok(_)), true) => VipProbe::Ours,
        (Ok(Ok(_)), false) => VipProbe::Taken,
        _ => VipProbe::Silent,
    }
}
