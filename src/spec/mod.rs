//! `homelab.yaml`: from text to a valid [`Cluster`].
//!
//! Two stages. The raw layer takes what people wrote, with the place of every value; the second
//! checks it across fields and resolves defaults, addresses and the closure of components. Every
//! problem is a [`Diagnostic`] with a stable code; none stops the next from being found.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod cluster;
mod code;
mod contract;
mod diagnostic;
mod disk_traits;
mod factory;
mod hardware;
mod image;
mod json_schema;
mod load;
mod patch_files;
mod placeholder;
mod platform;
pub mod preset;
mod private_key;
pub mod raw;
mod repository;
mod schema;
mod structure;
mod suggest;
#[cfg(test)]
mod tests;
mod validate;
pub mod variant;

pub use cluster::Cluster;
pub use code::{Code, ParseCodeError};
pub use contract::{Contract, UnsupportedContract};
pub use diagnostic::{Diagnostic, Label, Severity};
pub use factory::PUBLIC_FACTORY;
pub use load::{Checked, load, load_bytes, load_with};
pub use patch_files::ReadFile;
pub use placeholder::{Placeholder, is_placeholder_url, placeholders};
pub use repository::MissingSecret;
pub use schema::schema;
