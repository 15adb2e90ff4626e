//! Asks what exists: machines, the Git remote, the virtual IP. Everything at once, each with a
//! deadline; whoever does not answer is an observation, never an error.

mod etcd;
mod hardware;
mod node;
mod surroundings;

#[cfg(test)]
pub(crate) use etcd::signs;
pub use node::{Depth, node};
pub use surroundings::{git, vip};
