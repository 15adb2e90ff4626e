//! INI as `sops` reads and writes it, which is as go-ini does.
//!
//! A document is a mapping of sections, the keys before the first section being in `DEFAULT`. The
//! comment above a key follows it in the tree, the comment above a section is its first item: the
//! MAC does not cover them, but comment rules depend on that order.

mod patch;
mod read;
mod remark;
mod sketch;
mod write;

pub(crate) use patch::emit_like;
pub(crate) use read::load;
pub(crate) use write::{emit, key_reads_back, value_reads_back};

/// The section of keys that stand before any section.
const DEFAULT: &str = "DEFAULT";

/// What separates a key from its value.
const DELIMITERS: [char; 2] = ['=', ':'];
