//! The fields that Talos' machine configuration has, and how Talos merges each.
//!
//! One table, `fields.txt`, made from the types of Talos' own library; the tests hold it against
//! that library. Kinds and fields that it does not name are somebody else's or newer: they follow
//! the general rule.

mod check;
mod load;
mod place;
mod shape;

/// The name of the document that names no kind, in the table and for people.
pub const MAIN: &str = "v1alpha1";

pub use check::{Problem, Violation, violations, violations_of};
pub use place::has_place;

pub(super) use check::kind_of;
pub(super) use load::kind;
pub(super) use shape::{Address, Field, Fields, ListRule, Shape};
