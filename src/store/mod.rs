//! The repository's files: compare a rendered tree with the working tree, write what differs.
//!
//! Only files that were generated before are ever replaced or deleted, and only while nobody has
//! changed them; the manifest (`.homelab/manifest`) knows which those are. A write is atomic for each
//! file, and a run that is killed in the middle is healed by the next one. Symbolic links are never
//! followed. Encrypted files are [`sealed`]'s business, files that others keep [`keep`]'s.

mod compare;
mod create;
mod diff;
mod error;
pub mod keep;
mod manifest;
mod original;
mod place;
pub mod sealed;
mod select;
mod write;

pub use compare::{Change, ChangeKind, Comparison, compare, compare_below};
pub use create::{CreateError, Readers, create};
pub use diff::{text_diff, unified_diff};
pub use error::StoreError;
pub use manifest::{MANIFEST_PATH, Manifest};
pub use original::{FileError, MAX_BYTES, Original, is_successor, read_from};
pub use select::{Origin, SelectError, Selected, Selection, Unseen, named, select};
pub use write::write;

#[cfg(test)]
mod tests;
