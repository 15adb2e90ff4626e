//! What the cluster comes to as files: node configurations, the GitOps tree, documents.
//!
//! A pure function of the cluster and the catalogue: same input, same bytes, on every system. No
//! secret is in what is rendered; references stand in their place. Nothing here reads or writes a
//! file; [`crate::store`] compares the result with the working tree and writes it.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod automation;
pub mod bootstrap;
mod chart;
mod compose;
mod documents;
mod error;
pub mod flux;
pub mod hidden;
pub mod images;
mod marker;
mod namespace;
pub mod reference;
mod scripts;
pub mod talos;

pub use chart::ChartRelease;
pub use compose::render;
pub use error::RenderError;
