//! Image Factory: which image a node runs and where its boot media are, known without asking.
//!
//! A schematic says what an image holds; its identity is a digest of its text, so that every byte of that
//! counts. The factory must have been told of a schematic once before it makes images of it.

mod canonical;
mod go_yaml;
mod media;
mod schematic;

pub use media::Media;
pub(super) use media::installer;
pub use schematic::Schematic;
