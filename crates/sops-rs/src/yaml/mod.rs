//! YAML as `sops` reads and writes it, which is as go-yaml v3 does.
//!
//! The MAC covers resolved values, so scalar resolution is part of the format; comments are
//! encrypted under the path of the container that holds them, so their placement is too.
//! This module knows no cryptography.

mod comment_groups;
mod emit;
mod frame;
mod inline;
mod load;
mod parse;
mod patch;
mod placement;
mod places;
mod position;
mod resolve;
mod scalar_style;
mod sketch;
mod splice;
mod writer;

pub(crate) use emit::emit;
pub(crate) use load::load;
pub(crate) use patch::emit_like;
pub(crate) use position::line_of;
