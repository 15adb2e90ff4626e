//! The simulated network: what a connection attempt to an address and port meets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::connect::{Connecting, Connector, Route, Stream, Target};
use crate::model::NodeName;

use super::world::World;

/// The port of the Talos API.
pub(super) const TALOS_PORT: u16 = 50000;
/// The port of the Kubernetes API on control planes.
pub(super) const KUBERNETES_PORT: u16 = 6443;
/// The host that serves the working tree as the Git remote.
pub const GIT_HOST: &str = "git.rehearsal.invalid";

/// How long it takes until nobody at an address is noticed.
const UNREACHABLE: Duration = Duration::from_secs(3);
const BUFFER: usize = 256 * 1024;

/// What is behind an address and port right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// A machine's Talos API.
    Talos(NodeName),
    /// A machine's API server.
    Kubernetes(NodeName),
    /// The Git remote.
    Git,
    /// A machine that is there; nobody listens.
    Refused,
    /// A machine that is off: the attempt takes until its deadline.
    Silent,
    /// An address that nobody has.
    Nobody,
    /// A device that is none of the cluster's: it takes connections and understands nothing.
    Stranger,
}

/// Connects to a world without a kernel's socket in between.
#[derive(Clone)]
pub struct WorldConnector {
    /// The world.
    pub world: Arc<World>,
    /// The computer that connects.
    pub from: Arc<str>,
}

impl Connector for WorldConnector {
    fn connect<'a>(&'a self, target: &'a Target) -> Connecting<'a> {
        Box::pin(async move {
            let door = self.world.door(target);
            match door {
                Door::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
                Door::Silent => std::future::pending().await,
                Door::Nobody => {
                    tokio::time::sleep(UNREACHABLE).await;
                    Err(io::ErrorKind::HostUnreachable.into())
                }
                door => {
                    let (near, far) = tokio::io::duplex(BUFFER);
                    let world = Arc::clone(&self.world);
                    let from = Arc::clone(&self.from);
                    tokio::spawn(world.enter(door, from, Box::new(far)));
                    Ok(Box::new(near) as Box<dyn Stream>)
                }
            }
        })
    }

    fn route(&self, _target: &Target) -> Route {
        Route::Redirected
    }
}
