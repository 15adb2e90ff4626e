//! What the cluster comes to as files: node configurations, the GitOps tree, documents.
//!
//! A pure function of the cluster and the catalogue: same input, same bytes, on every system. No
//! secret is in what is rendered; references stand in their place.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod reference;
pub mod talos;
