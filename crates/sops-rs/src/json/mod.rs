//! JSON as `sops` reads and writes it: keys keep their order, whole numbers are exact.
//!
//! This module knows no cryptography.

mod emit;
mod parse;
mod patch;
mod sketch;
mod style;

pub(crate) use emit::{emit, emit_value};
pub(crate) use parse::{load, lost_digits};
pub(crate) use patch::emit_like;
