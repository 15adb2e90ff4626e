//! Rehearsals: simulated machines, a simulated Kubernetes and controllers behind the connector.
//!
//! The engine does not know that the world is simulated: it speaks the real protocols over the
//! same TLS stack. The world keeps its own account of what happened to it, so tests need not
//! believe the engine's.

mod api_identity;
mod clock;
pub mod controllers;
mod doors;
pub mod etcd;
pub mod faults;
mod git_remote;
mod killer;
pub mod kubernetes;
pub mod machine;
mod needs;
mod network;
mod props;
mod rehearsal;
mod report;
mod script;
mod serve;
mod span;
mod stage;
mod story;
mod timeline;
mod witness;
mod world;

#[cfg(test)]
mod tests;

pub use clock::SimulatedClock;
pub use faults::{Fault, FaultAt, ParseFaultError, Struck, is_step};
pub use killer::{Killer, PointKind};
pub use machine::Standing;
pub use needs::{Need, needs};
pub use network::{Door, GIT_HOST, WorldConnector};
pub use props::PropsError;
pub use rehearsal::{Attempt, End, Rehearsed};
pub use report::Report;
pub use script::{Resume, Script};
pub use serve::{ServeOptions, serve};
pub use stage::Stage;
pub use story::{Band, Bar, BarEnd, Lane, LaneKind, Mark, Moment, Run, Story, WaitSpell};
pub use timeline::{Recorder, Wait};
pub use witness::{Rule, Violation};
pub use world::{Setup, World};
