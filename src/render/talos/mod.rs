//! Talos machine configurations: from a [`Cluster`](crate::spec::Cluster) to documents and files.
//!
//! A configuration is built in [layers](Layer): what Talos' own generator makes under the node's
//! version contract, what is particular to the node, what components ask of machines, then the
//! owner's patches from the widest scope to the narrowest. Each layer knows its origin, and they are
//! merged by Talos' own rules. Key material never appears: a reference into the secrets bundle
//! stands in its place. Kinds and fields that this module does not know pass through untouched.

pub mod base;
mod components;
mod delete;
pub mod entries;
mod error;
pub mod explain;
pub mod factory;
mod facts;
pub mod fields;
mod files;
mod forms;
mod identity_places;
mod layers;
mod lint;
mod merge;
mod merge_error;
mod node;
mod operations;
mod patch;
mod secrets;
mod url;

pub use crate::spec::{Contract, UnsupportedContract};
pub use components::image;
pub use error::TalosRenderError;
pub use facts::has_own_network;
pub use fields::MAIN;
pub use files::{FOLDER, path, render};
pub use forms::{Form, forms, in_older_form, since};
pub use identity_places::{IDENTITY, IdentityPlace, Owner};
pub use layers::{Layer, Origin, Scope, documents, layers};
pub use lint::{Machine, Mode, PatchSecret, lint, patch_secrets, refusals};
pub use merge::{identity, merge_documents};
pub use merge_error::MergeError;
pub use node::LINK_ALIAS;
pub use operations::OperationError;
pub use patch::{PatchError, patch_documents};
pub use secrets::BUNDLE_PATH;
pub(crate) use secrets::PEM;

#[cfg(test)]
mod tests;
