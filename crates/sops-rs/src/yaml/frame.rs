//! A container while it is being read.

use std::collections::BTreeSet;

use super::parse::ContainerKind;
use crate::tree::{Comment, Element, Entry, Item, Mapping, Value};

/// An open container.
pub(super) struct Frame {
    pub(super) contents: Contents,
    pub(super) flow: bool,
    pub(super) anchor: usize,
    /// The column of its keys or dashes.
    pub(super) column: usize,
    /// A block sequence whose dashes stand under its key.
    pub(super) indentless: bool,
    /// Comments that go in once the containers inside are closed.
    pub(super) deferred: Vec<Comment>,
}

pub(super) enum Contents {
    Mapping {
        mapping: Mapping,
        key: Option<PendingKey>,
        seen: BTreeSet<String>,
    },
    Sequence(Vec<Element>),
}

/// A key whose value is still to come.
pub(super) struct PendingKey(pub(super) String);

impl Frame {
    pub(super) fn new(kind: ContainerKind, flow: bool, anchor: usize, column: usize) -> Self {
        Self {
            contents: match kind {
                ContainerKind::Mapping => Contents::Mapping {
                    mapping: Mapping::default(),
                    key: None,
                    seen: BTreeSet::new(),
                },
                ContainerKind::Sequence => Contents::Sequence(Vec::new()),
            },
            flow,
            anchor,
            column,
            indentless: false,
            deferred: Vec::new(),
        }
    }

    /// Adds a value, under the pending key of a mapping.
    pub(super) fn push(&mut self, value: Value) {
        match &mut self.contents {
            Contents::Mapping { mapping, key, .. } => {
                if let Some(PendingKey(key)) = key.take() {
                    mapping.items.push(Item::Entry(Entry { key, value }));
                }
            }
            Contents::Sequence(elements) => elements.push(Element::Value(value)),
        }
        let deferred = std::mem::take(&mut self.deferred);
        self.extend(deferred);
    }

    /// Adds comments after what is there.
    pub(super) fn extend(&mut self, comments: impl IntoIterator<Item = Comment>) {
        match &mut self.contents {
            Contents::Mapping { mapping, .. } => {
                mapping
                    .items
                    .extend(comments.into_iter().map(Item::Comment));
            }
            Contents::Sequence(elements) => {
                elements.extend(comments.into_iter().map(Element::Comment));
            }
        }
    }

    /// Adds a comment before the entry that was completed last.
    pub(super) fn insert_before_last(&mut self, comment: Comment) {
        match &mut self.contents {
            Contents::Mapping { mapping, .. } => {
                let last = mapping.items.len().saturating_sub(1);
                mapping.items.insert(last, Item::Comment(comment));
            }
            Contents::Sequence(elements) => {
                let last = elements.len().saturating_sub(1);
                elements.insert(last, Element::Comment(comment));
            }
        }
    }

    /// Puts a comment first into the flow container that was completed last.
    pub(super) fn insert_into_last(&mut self, comment: Comment) {
        let last = match &mut self.contents {
            Contents::Mapping { mapping, .. } => match mapping.items.last_mut() {
                Some(Item::Entry(entry)) => Some(&mut entry.value),
                _ => None,
            },
            Contents::Sequence(elements) => match elements.last_mut() {
                Some(Element::Value(value)) => Some(value),
                _ => None,
            },
        };
        match last {
            Some(Value::Mapping(mapping)) => mapping.items.insert(0, Item::Comment(comment)),
            Some(Value::Sequence(elements)) => elements.insert(0, Element::Comment(comment)),
            _ => self.insert_before_last(comment),
        }
    }

    /// Whether it is a block with an indentation of its own.
    pub(super) fn indents(&self) -> bool {
        !self.flow && !self.indentless
    }

    pub(super) fn awaits_value(&self) -> bool {
        matches!(self.contents, Contents::Mapping { key: Some(_), .. })
    }
}
