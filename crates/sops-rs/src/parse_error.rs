//! What can be wrong with the text of a document, in any format.

use crate::format::Format;

/// A text that is no document of its format, or not one that a SOPS file can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There is no document in it.
    #[error("the file is empty")]
    Empty,
    /// It is not text.
    #[error("the file is not UTF-8 text (byte {offset} is the first that is not)")]
    NotUtf8 {
        /// Where it stops being text, counted from 0.
        offset: usize,
    },
    /// It does not follow the format's syntax.
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
    /// A key that the format's other readers would take for something else.
    #[error("line {line}: key `{key}` cannot be kept in {format}: {problem}")]
    LostKey {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// The format.
        format: Format,
        /// What would become of it.
        problem: &'static str,
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
    /// Containers nest too deeply.
    #[error("line {line}: nested deeper than {limit} levels")]
    TooDeep {
        /// The line, counted from 1.
        line: usize,
        /// How deep they may.
        limit: usize,
    },
}

/// The text of bytes.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|error| ParseError::NotUtf8 {
        offset: error.valid_up_to(),
    })
}
