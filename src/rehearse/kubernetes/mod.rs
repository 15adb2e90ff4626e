//! A Kubernetes API in memory: discovery, objects, server-side apply, watches, definitions.
//!
//! It behaves as the real API does for the calls that a bootstrap makes; it knows nothing of
//! machines, controllers or simulated time beyond the clock that it is given. Real clients talk
//! to it over TLS on any byte stream. Not here: admission, authorization, patches by JSON
//! Pointer, pod logs.

mod api;
mod defaults;
mod discovery;
mod error;
mod fields;
mod http;
mod object;
mod ownership;
mod registry;
mod requests;
mod selector;
mod serve;
mod store;
mod verbs;
mod watch;

#[cfg(test)]
mod tests;

pub use api::{Api, Mutation};
pub use error::ApiError;
pub use object::Object;
pub(super) use ownership::merge_patch;
pub use registry::Resource;
pub use serve::serve;
pub use store::{Key, Store, key_of};
pub use verbs::Force;
