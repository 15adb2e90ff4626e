//! Asks what exists: machines, the Git remote, the virtual IP. Everything at once, each with a
//! deadline; whoever does not answer is an observation, never an error.

use futures::stream::{self, StreamExt as _};

mod discover;
mod etcd;
mod git;
mod hardware;
mod health;
mod node;
mod pending;
mod vip;

pub use discover::{MOST_HOSTS, discover, hosts};
#[cfg(test)]
pub(crate) use etcd::signs;
pub use git::git;
pub use health::{Look, health};
pub use node::{Depth, machine, node};
pub use vip::vip;

/// How many machines are asked, or walked with, at the same time.
const AT_ONCE: usize = 64;

/// Waits for all of these, so many at the same time; what they tell is in their order.
pub(crate) async fn side_by_side<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    stream::iter(all).buffered(AT_ONCE).collect().await
}
