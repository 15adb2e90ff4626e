//! Lines of `KEY=value`, as `sops` reads and writes them.
//!
//! Nothing is trimmed or unquoted; the two characters `\n` in a value stand for a newline; empty
//! lines count for nothing. This module knows no cryptography.

mod patch;
mod text;

pub(crate) use patch::emit_like;
pub(crate) use text::{emit, load};
