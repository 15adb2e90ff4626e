//! A document as people wrote it: values with their places.

use serde_json::{Map, Value};

/// A range of bytes in the source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Null, a boolean, a number or a string.
    Scalar(Value),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in source order, keys unique.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Span {
    /// Makes a span.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Returns the 1-based line and column (in characters) of its first byte.
    pub fn position(&self, source: &str) -> (usize, usize) {
        let before = source.get(..self.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            span: Span::default(),
            kind: NodeKind::Scalar(Value::Null),
        }
    }
}

impl Node {
    /// Returns the part of the tree that stands at a place.
    pub fn at(&self, span: Span) -> Option<&Node> {
        if self.span == span {
            return Some(self);
        }
        let values = self.entries().iter().map(|entry| &entry.value);
        let mut around = values
            .chain(self.items())
            .filter(|node| node.span.start <= span.start && span.end <= node.span.end);
        around.find_map(|node| node.at(span))
    }

    /// Returns the plain value.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::Sequence(items) => items.iter().map(Node::to_value).collect(),
            NodeKind::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_value()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// Returns the entries of a mapping, nothing for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence, nothing for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::Sequence(items) => items,
            _ => &[],
        }
    }

    /// Returns the value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Tells whether it is null or nothing was written.
    pub fn is_null(&self) -> bool {
        self.kind == NodeKind::Scalar(Value::Null)
    }

    /// Names the kind of value, for messages.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(Value::Null) => "nothing",
            NodeKind::Scalar(Value::Bool(_)) => "a boolean",
            NodeKind::Scalar(Value::Number(number)) if number.is_f64() => {
                "a number with a fraction"
            }
            NodeKind::Scalar(Value::Number(_)) => "a whole number",
            NodeKind::Scalar(_) => "a text",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }
}
