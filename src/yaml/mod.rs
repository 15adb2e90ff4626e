//! The only place that knows the YAML crate: parse, with places; emit, one way.
//!
//! Every document the program handles is a [`serde_json::Value`] with its keys in order. Emitted
//! YAML is read the same by YAML 1.1 parsers (kubectl, Flux) and 1.2 ones.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod edit;
mod emit;
mod parse;

pub use edit::{EditError, Editor};
pub use emit::{emit, emit_documents};
pub use parse::{ParseError, parse, parse_documents};
