//! Git as far as it is needed: which commit holds this tree, which one the remote has, what is tracked
//! and staged.

pub mod index;
mod local;
mod merge_file;
mod refs;
mod remote;
mod tunnel;

pub use local::{Commit, commit};
pub use merge_file::merge_file;
pub use remote::{GitError, Remote, branch_head};
