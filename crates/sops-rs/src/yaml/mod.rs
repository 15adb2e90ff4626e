//! YAML as `sops` reads and writes it, which is as go-yaml v3 does.
//!
//! The MAC covers resolved values, so scalar resolution is part of the format; comments are
//! encrypted under the path of the container that holds them, so their placement is too.
//! This module knows no cryptography.

mod comment_groups;
mod emit;
mod frame;
mod load;
mod parse;
mod placement;
mod resolve;
mod scalar_style;
mod writer;

pub use emit::Layout;
pub(crate) use emit::emit;
pub(crate) use load::load;

/// A text that is not the YAML a SOPS file can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlError {
    /// There is no document in it.
    #[error("the file is empty")]
    Empty,
    /// It is not YAML.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A document is a list or a single value.
    #[error("line {line}: a document must be a mapping, found {found}")]
    NotAMapping {
        /// The line, counted from 1.
        line: usize,
        /// What it is instead.
        found: &'static str,
    },
    /// A key is not a string.
    #[error("line {line}: a key must be a string, found {found}")]
    Key {
        /// The line, counted from 1.
        line: usize,
        /// What it is instead.
        found: &'static str,
    },
    /// A key occurs twice in one mapping.
    #[error("line {line}: key `{key}` is already defined")]
    DuplicateKey {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// An integer that fits no signed 64-bit number.
    #[error("line {line}: an integer does not fit 64 bits; quote it to make it a string")]
    Integer {
        /// The line, counted from 1.
        line: usize,
    },
    /// Aliases that refer to themselves, or grow the document beyond reason.
    #[error("line {line}: an alias {problem}")]
    Alias {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}
