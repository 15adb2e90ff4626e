//! A document as data: order, comments and types are kept, layout is not.
//!
//! Plain and encrypted documents are the same tree; in an encrypted one the selected scalars are
//! strings of the form `ENC[…]`. Nothing here can be printed: values may be secrets.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::path::ValuePath;
use crate::scalar::Scalar;

/// How deep containers may nest in a file. Walks over a tree are recursive, so this bounds them.
pub const MAX_DEPTH: usize = 500;

/// The documents of a file.
#[derive(Clone, Default, PartialEq)]
pub struct Tree {
    /// One mapping per document.
    pub documents: Vec<Mapping>,
}

impl Tree {
    /// Tells whether another tree holds the same keys and values in the same order, by the bytes
    /// that are encrypted and authenticated; comments do not count.
    pub fn has_values_of(&self, other: &Self) -> bool {
        self.documents.len() == other.documents.len()
            && self
                .documents
                .iter()
                .zip(&other.documents)
                .all(|(own, other)| own.has_values_of(other))
    }
}

impl Tree {
    /// Tells whether another tree has the same contents: types, not-a-number and comments included,
    /// but not whether a comment stands on the line of its entry.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.documents.len() == other.documents.len()
            && self
                .documents
                .iter()
                .zip(&other.documents)
                .all(|(own, other)| own.is_same_as(other))
    }
}

impl Tree {
    /// Returns where a key occurs the second time in one mapping.
    pub(crate) fn duplicate_key(&self) -> Option<ValuePath> {
        self.documents
            .iter()
            .enumerate()
            .find_map(|(position, document)| {
                let mut path = ValuePath::document(position);
                document.has_duplicate(&mut path).then_some(path)
            })
    }
}

/// A mapping with its comments, in order.
#[derive(Clone, Default, PartialEq)]
pub struct Mapping {
    /// Entries and the comments between them.
    pub items: Vec<Item>,
}

/// One item of a mapping.
#[derive(Clone, PartialEq)]
pub enum Item {
    /// A comment.
    Comment(Comment),
    /// A key and its value.
    Entry(Entry),
}

/// A key and its value.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
}

/// One element of a sequence.
#[derive(Clone, PartialEq)]
pub enum Element {
    /// A comment.
    Comment(Comment),
    /// A value.
    Value(Value),
}

/// A value.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A scalar.
    Scalar(Scalar),
    /// A mapping.
    Mapping(Mapping),
    /// A sequence with its comments.
    Sequence(Vec<Element>),
}

/// A comment of one line.
#[derive(Clone, PartialEq)]
pub struct Comment {
    /// What stands after the `#`.
    pub text: Zeroizing<String>,
    /// Whether it stands on the line of the entry that follows it in the tree.
    pub inline: bool,
}

impl Comment {
    /// A comment on a line of its own.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: Zeroizing::new(text.into()),
            inline: false,
        }
    }
}

impl Mapping {
    /// Returns the entries without the comments.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.items.iter().filter_map(|item| match item {
            Item::Entry(entry) => Some(entry),
            Item::Comment(_) => None,
        })
    }

    /// Looks for a key that occurs twice, here or below; the path leads to it.
    fn has_duplicate(&self, path: &mut ValuePath) -> bool {
        let mut seen = BTreeSet::new();
        self.entries().any(|entry| {
            path.push_key(&entry.key);
            let found = !seen.insert(&entry.key) || entry.value.has_duplicate(path);
            if !found {
                path.pop();
            }
            found
        })
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.items.len() == other.items.len()
            && self.items.iter().zip(&other.items).all(|pair| match pair {
                (Item::Comment(own), Item::Comment(other)) => own.text == other.text,
                (Item::Entry(own), Item::Entry(other)) => {
                    own.key == other.key && own.value.is_same_as(&other.value)
                }
                _ => false,
            })
    }

    fn has_values_of(&self, other: &Self) -> bool {
        self.entries().count() == other.entries().count()
            && self
                .entries()
                .zip(other.entries())
                .all(|(own, other)| own.key == other.key && own.value.has_values_of(&other.value))
    }

    /// Appends an entry.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.items.push(Item::Entry(Entry {
            key: key.into(),
            value: value.into(),
        }));
    }

    /// Takes an entry out and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self
            .items
            .iter()
            .position(|item| matches!(item, Item::Entry(entry) if entry.key == key))?;
        match self.items.remove(position) {
            Item::Entry(entry) => Some(entry.value),
            Item::Comment(_) => None,
        }
    }
}

impl Value {
    fn has_duplicate(&self, path: &mut ValuePath) -> bool {
        if let Self::Mapping(mapping) = self {
            return mapping.has_duplicate(path);
        }
        let elements = self.elements().into_iter().flatten().enumerate();
        elements.into_iter().any(|(index, value)| {
            path.push_index(index);
            let found = value.has_duplicate(path);
            if !found {
                path.pop();
            }
            found
        })
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => scalar.as_str(),
            _ => None,
        }
    }

    /// Names the kind of value, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Mapping(_) => "a mapping",
            Self::Sequence(_) => "a list",
            Self::Scalar(Scalar::Str(_)) => "a string",
            Self::Scalar(Scalar::Int(_)) => "an integer",
            Self::Scalar(Scalar::Float(_)) => "a number",
            Self::Scalar(Scalar::Bool(_)) => "a boolean",
            Self::Scalar(Scalar::Time(_)) => "a date",
        }
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Scalar(own), Self::Scalar(other)) => {
                own.kind() == other.kind() && own.bytes() == other.bytes()
            }
            (Self::Mapping(own), Self::Mapping(other)) => own.is_same_as(other),
            (Self::Sequence(own), Self::Sequence(other)) => {
                own.len() == other.len()
                    && own.iter().zip(other).all(|pair| match pair {
                        (Element::Comment(own), Element::Comment(other)) => own.text == other.text,
                        (Element::Value(own), Element::Value(other)) => own.is_same_as(other),
                        _ => false,
                    })
            }
            _ => false,
        }
    }

    fn has_values_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Scalar(own), Self::Scalar(other)) => own.bytes() == other.bytes(),
            (Self::Mapping(own), Self::Mapping(other)) => own.has_values_of(other),
            (Self::Sequence(_), Self::Sequence(_)) => {
                let count = |value: &Self| value.elements().into_iter().flatten().count();
                let own = self.elements().into_iter().flatten();
                count(self) == count(other)
                    && own
                        .zip(other.elements().into_iter().flatten())
                        .all(|(own, other)| own.has_values_of(other))
            }
            _ => false,
        }
    }

    /// Returns the elements of a sequence without the comments.
    pub fn elements(&self) -> Option<impl Iterator<Item = &Value>> {
        match self {
            Self::Sequence(elements) => Some(elements.iter().filter_map(|element| match element {
                Element::Value(value) => Some(value),
                Element::Comment(_) => None,
            })),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Scalar(Scalar::from(text))
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        Self::Scalar(scalar)
    }
}

impl From<Mapping> for Value {
    fn from(mapping: Mapping) -> Self {
        Self::Mapping(mapping)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::Sequence(values.into_iter().map(Element::Value).collect())
    }
}
