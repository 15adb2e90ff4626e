//! Rehearsals: simulated machines, a simulated Kubernetes and controllers behind the connector.
//!
//! The engine does not know that the world is simulated: it speaks the real protocols over the
//! same TLS stack. The world keeps its own account of what happened to it, so tests need not
//! believe the engine's.

mod api_identity;
mod clock;
pub mod controllers;
pub mod etcd;
mod git_remote;
pub mod kubernetes;
pub mod machine;
mod network;
mod world;

pub use clock::SimulatedClock;
pub use network::{Door, GIT_HOST, WorldConnector};
pub use world::{Setup, World};
