//! Git as far as a bootstrap needs it: which commit holds this tree, and which one the remote has.

mod local;
mod refs;
mod remote;

pub use local::{Commit, commit};
pub use remote::{GitError, Remote, branch_head};
