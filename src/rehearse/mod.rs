//! Rehearsals: simulated machines, a simulated Kubernetes and controllers behind the connector.
//!
//! The engine does not know that the world is simulated: it speaks the real protocols over the
//! same TLS stack. The world keeps its own account of what happened to it, so tests need not
//! believe the engine's.

pub mod controllers;
pub mod etcd;
pub mod kubernetes;
pub mod machine;
