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
mod killer;
pub mod kubernetes;
pub mod machine;
mod needs;
mod network;
mod props;
mod rehearsal;
mod report;
mod serve;
mod timeline;
mod world;

#[cfg(test)]
mod tests;

pub use clock::SimulatedClock;
pub use killer::Killer;
pub use needs::{Need, needs};
pub use network::{Door, GIT_HOST, WorldConnector};
pub use props::PropsError;
pub use rehearsal::{Fault, Rehearsed, Script, Stage};
pub use report::Report;
pub use serve::{ServeOptions, serve};
pub use timeline::{Recorder, Wait};
pub use world::{Setup, World};
