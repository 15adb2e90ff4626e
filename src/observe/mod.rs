//! Asks what exists: machines, the Git remote, the virtual IP. Everything at once, each with a
//! deadline; whoever does not answer is an observation, never an error.

mod discover;
mod etcd;
mod git;
mod hardware;
mod health;
mod node;
mod pending;
mod vip;

/// How many machines are asked, or walked with, at the same time.
pub(crate) const AT_ONCE: usize = 64;

pub use discover::{MOST_HOSTS, discover, hosts};
#[cfg(test)]
pub(crate) use etcd::signs;
pub use git::git;
pub use health::{Look, health};
pub use node::{Depth, machine, node};
pub use vip::vip;
