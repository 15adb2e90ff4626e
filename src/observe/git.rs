//! What is around the machines: the Git remote.

use crate::connect::{Connector, error_text};
use crate::git::{self, Commit, Remote};
use crate::plan::Git;

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
            reason: error_text(&error),
        },
        (Ok(Some(revision)), None) => Git::Holds { revision },
        (Ok(Some(revision)), Some(local)) if revision == local => Git::Holds { revision },
        (Ok(remote), local) => Git::Elsewhere {
            remote,
            local: local.unwrap_or_default(),
        },
    }
}
