//! The only place that knows the YAML crate: parse, with places; emit, one way.
//!
//! Every document the program handles is a [`serde_json::Value`] with its keys in order. Emitted
//! YAML is read the same by YAML 1.1 parsers (kubectl, Flux) and 1.2 ones. Files that people write
//! are read as a tree of [`Node`]s, which know where they stand.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod decode;
mod edit;
mod emit;
mod line;
mod lines;
mod node;
mod parse;
mod parse_nodes;
mod scalar;

pub use decode::{DecodeError, OneOrMany, Spanned};
pub use edit::{EditError, Editor};
pub use emit::{emit, emit_documents};
pub use line::{Step, line_of};
pub use lines::{OwnedStep, each_line};
pub use node::{Entry, Node, NodeKind, Span};
pub use parse::{ParseError, parse, parse_as, parse_documents};
pub use parse_nodes::{Limits, Parsed, Problem, ProblemKind, parse_node, parse_nodes};
