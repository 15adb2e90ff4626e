//! What a tree must be like for a format to hold it.
//!
//! A document is checked when it is made, so that printing it cannot fail.

use crate::binary::DATA;
use crate::format::Format;
use crate::ini;
use crate::path::ValuePath;
use crate::scalar::Scalar;
use crate::tree::{Element, Entry, Item, MAX_DEPTH, Mapping, Tree, Value};

/// A tree that a format cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// It has several documents, or none.
    #[error("{format} holds one document, not {found}")]
    Documents {
        /// The format.
        format: Format,
        /// How many there are.
        found: usize,
    },
    /// It has a value that cannot be written.
    #[error("{path}: {format} cannot hold {found}")]
    Value {
        /// The format.
        format: Format,
        /// Where the value stands.
        path: ValuePath,
        /// What it is.
        found: &'static str,
    },
    /// It has a key that would be read as something else.
    #[error("{path}: {format} cannot hold a key with {found}")]
    Key {
        /// The format.
        format: Format,
        /// Where it stands.
        path: ValuePath,
        /// What is in it.
        found: &'static str,
    },
    /// Its merge key has a value that cannot be merged, so that no `sops` could read the file.
    #[error("{path}: the merge key `<<` takes a mapping or a list of mappings, not {found}")]
    MergeKey {
        /// Where it stands.
        path: ValuePath,
        /// What its value is.
        found: &'static str,
    },
    /// It is not the single value of a binary file.
    #[error("a binary file holds one value under the key `{DATA}` and nothing else")]
    Binary,
}

/// Checks that a format can hold a plain tree.
pub(crate) fn check(format: Format, tree: &Tree) -> Result<(), ShapeError> {
    check_as(Contents::Plain, format, tree)
}

/// Checks that a plain tree can be encrypted, so that what comes of it can be read.
pub(crate) fn check_encryptable(format: Format, tree: &Tree) -> Result<(), ShapeError> {
    check_as(Contents::Encryptable, format, tree)
}

/// Checks that a format can hold an encrypted tree, which is text throughout.
pub(crate) fn check_encrypted(format: Format, tree: &Tree) -> Result<(), ShapeError> {
    check_as(Contents::Encrypted, format, tree)
}

/// Checks that a tree that was just encrypted can be printed so that it is read again as it is.
pub(crate) fn check_written(format: Format, tree: &Tree) -> Result<(), ShapeError> {
    check_as(Contents::Written, format, tree)
}

/// Checks that a format can hold a value at a path.
pub(crate) fn check_at(format: Format, path: &ValuePath, value: &Value) -> Result<(), ShapeError> {
    let mut checker = Checker {
        format,
        contents: Contents::Plain,
        path: path.clone(),
    };
    let depth = path.steps().len();
    if depth > deepest(format) {
        return Err(checker.value_error("a mapping"));
    }
    checker.value(value, depth)
}

/// How deep containers may nest in a format.
fn deepest(format: Format) -> usize {
    match format {
        Format::Dotenv | Format::Binary => 1,
        Format::Ini => 2,
        Format::Yaml | Format::Json => MAX_DEPTH,
    }
}

/// What is in a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// A dotenv or INI file in the clear may hold bytes that are not text, as `sops` lets it; YAML has a
    /// tag for them.
    Plain,
    /// Like a plain one; but `sops` reads no YAML in which a merge key has a text for its value, be
    /// it the encrypted one, though it writes that where the key was quoted.
    Encryptable,
    /// Everything is text.
    Encrypted,
    /// Everything is text, and reads back as it is.
    Written,
}

/// YAML's merge key. Its value is a mapping or a list of mappings (<https://yaml.org/type/merge.html>).
const MERGE: &str = "<<";

fn check_as(contents: Contents, format: Format, tree: &Tree) -> Result<(), ShapeError> {
    if format != Format::Yaml && tree.documents.len() != 1 {
        let found = tree.documents.len();
        return Err(ShapeError::Documents { format, found });
    }
    if format == Format::Binary {
        let data = tree.documents.first().and_then(|mapping| mapping.get(DATA));
        let single = tree.documents[0].entries().count() == 1;
        return match data {
            Some(Value::Scalar(Scalar::Str(_))) if single => Ok(()),
            _ => Err(ShapeError::Binary),
        };
    }
    for (position, document) in tree.documents.iter().enumerate() {
        let mut checker = Checker {
            format,
            contents,
            path: ValuePath::document(position),
        };
        checker.mapping(document, 1)?;
    }
    Ok(())
}

struct Checker {
    format: Format,
    contents: Contents,
    path: ValuePath,
}

impl Checker {
    /// Checks a container at a depth; the document's own is 1.
    fn mapping(&mut self, mapping: &Mapping, depth: usize) -> Result<(), ShapeError> {
        for item in &mapping.items {
            if let Item::Entry(entry) = item {
                self.path.push_key(&entry.key);
                self.key(&entry.key)?;
                self.merge_key(entry)?;
                self.value(&entry.value, depth)?;
                self.path.pop();
            }
        }
        Ok(())
    }

    fn sequence(&mut self, elements: &[Element], depth: usize) -> Result<(), ShapeError> {
        let values = elements.iter().filter_map(|element| match element {
            Element::Value(value) => Some(value),
            Element::Comment(_) => None,
        });
        for (index, value) in values.enumerate() {
            self.path.push_index(index);
            self.value(value, depth)?;
            self.path.pop();
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), ShapeError> {
        let deepest = deepest(self.format);
        match value {
            Value::Mapping(_) | Value::Sequence(_) if depth >= deepest => {
                Err(self.value_error(match (deepest, value) {
                    (MAX_DEPTH, _) => "containers nested that deeply",
                    (_, Value::Mapping(_)) => "a mapping",
                    _ => "a list",
                }))
            }
            Value::Sequence(_) if self.format == Format::Ini => Err(self.value_error("a list")),
            Value::Mapping(mapping) => self.mapping(mapping, depth + 1),
            Value::Sequence(elements) => self.sequence(elements, depth + 1),
            Value::Null => match self.format {
                Format::Dotenv | Format::Ini => Err(self.value_error("null")),
                _ => Ok(()),
            },
            Value::Scalar(scalar) => self.scalar(scalar, depth),
        }
    }

    fn scalar(&self, scalar: &Scalar, depth: usize) -> Result<(), ShapeError> {
        match (self.format, scalar) {
            (Format::Ini, _) if depth == 1 => Err(self.value_error("a value outside of a section")),
            (Format::Json, Scalar::Float(float)) if !float.is_finite() => {
                Err(self.value_error("a number that is not finite"))
            }
            (Format::Json | Format::Dotenv | Format::Ini, Scalar::Str(bytes))
                if (self.format == Format::Json
                    || matches!(self.contents, Contents::Encrypted | Contents::Written))
                    && std::str::from_utf8(bytes).is_err() =>
            {
                Err(self.value_error("bytes that are not text"))
            }
            (Format::Dotenv, Scalar::Str(bytes))
                if self.contents == Contents::Written
                    && bytes.windows(2).any(|pair| pair == b"\\n") =>
            {
                Err(self
                    .value_error("a backslash and an `n` in the clear, which mean a line break"))
            }
            (Format::Ini, Scalar::Str(bytes))
                if self.contents == Contents::Written && !ini::value_reads_back(bytes) =>
            {
                Err(self.value_error("this value in the clear: no quotes keep it as it is"))
            }
            _ => Ok(()),
        }
    }

    fn merge_key(&self, entry: &Entry) -> Result<(), ShapeError> {
        let applies = self.format == Format::Yaml && self.contents == Contents::Encryptable;
        if applies && entry.key == MERGE && !is_mergeable(&entry.value) {
            return Err(ShapeError::MergeKey {
                path: self.path.clone(),
                found: entry.value.kind(),
            });
        }
        Ok(())
    }

    fn value_error(&self, found: &'static str) -> ShapeError {
        ShapeError::Value {
            format: self.format,
            path: self.path.clone(),
            found,
        }
    }

    /// A section stands in brackets, which keep any name; a key gets quotes where it needs them.
    fn key_reads_back(&self, key: &str) -> bool {
        match self.path.steps().len() {
            1 => true,
            _ => ini::key_reads_back(key),
        }
    }

    fn key(&self, key: &str) -> Result<(), ShapeError> {
        let found = match self.format {
            Format::Dotenv if key.starts_with('#') => "`#` in front",
            Format::Dotenv if key.contains('=') => "`=` in it",
            Format::Dotenv | Format::Ini if key.contains('\n') => "a line break in it",
            Format::Ini if key.is_empty() => "no characters",
            Format::Ini if self.contents == Contents::Written && !self.key_reads_back(key) => {
                "characters that no quotes keep as they are"
            }
            _ => return Ok(()),
        };
        Err(ShapeError::Key {
            format: self.format,
            path: self.path.clone(),
            found,
        })
    }
}

fn is_mergeable(value: &Value) -> bool {
    let is_mapping = |value: &Value| matches!(value, Value::Mapping(_));
    is_mapping(value)
        || value
            .elements()
            .is_some_and(|mut elements| elements.all(is_mapping))
}
