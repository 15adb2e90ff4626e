//! The Kubernetes API: credentials, server-side apply, readiness, ownership, the operator's lease.
//!
//! Every connection comes from [`crate::connect`]; certificates are judged by the run's clock.
//! Readiness ([`ready`]) and ownership ([`ownership`]) are functions of an object's value alone.

mod access;
mod client;
mod flux;
mod inventory;
mod lease;
mod objects;
pub mod ownership;
pub mod ready;
mod transport;

pub use access::{Access, AccessError, with_server};
pub use client::{Client, KubeError};
pub use inventory::{Contested, contested};
pub use lease::{Holder, LEASE_NAME, LEASE_NAMESPACE, LeaseAnswer, LeaseLife, LeaseView};
pub use objects::{describe, in_apply_order};
