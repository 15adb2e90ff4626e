//! Where the parts of a tree stand in the text it was read from.
//!
//! The loader places comments, so it is asked once more with the events' numbers for comments and
//! without values: its answer has the shape of the tree, and says which comment went where.

use super::load::load_numbered;
use super::parse::{ContainerKind, Event, EventKind, events};
use crate::parse_error::ParseError;
use crate::tree::{Element, Item, Mapping, Value};

/// The events of a text, and its documents made of them.
pub(super) struct Sketch<'a> {
    pub(super) events: Vec<Event<'a>>,
    pub(super) documents: Vec<Root>,
}

/// One document.
pub(super) struct Root {
    pub(super) items: Vec<Slot>,
    /// The event that starts its mapping; a document may have none.
    pub(super) start: Option<usize>,
    /// The event that ends the document.
    pub(super) end: usize,
}

/// An item of a mapping or an element of a list.
pub(super) enum Slot {
    /// The event of a comment.
    Comment(usize),
    /// A value, with the event of its key in a mapping.
    Node { key: Option<usize>, node: Node },
}

/// A value in the text.
pub(super) enum Node {
    /// The event of a scalar or an alias.
    Leaf(usize),
    /// The events that a container starts and ends with.
    Container {
        start: usize,
        end: usize,
        slots: Vec<Slot>,
    },
}

impl Slot {
    pub(super) fn first_event(&self) -> usize {
        match self {
            Self::Comment(event) => *event,
            Self::Node { key, node } => key.unwrap_or_else(|| node.first_event()),
        }
    }
}

impl Node {
    pub(super) fn first_event(&self) -> usize {
        match self {
            Self::Leaf(event) => *event,
            Self::Container { start, .. } => *start,
        }
    }

    pub(super) fn last_event(&self) -> usize {
        match self {
            Self::Leaf(event) => *event,
            Self::Container { end, .. } => *end,
        }
    }
}

impl<'a> Sketch<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, ParseError> {
        let events = events(text)?;
        let numbered = load_numbered(text, &events)?;
        let mut cursor = Cursor {
            events: &events,
            position: 0,
        };
        let documents = numbered
            .documents
            .iter()
            .map(|document| cursor.root(document))
            .collect::<Option<_>>();
        // Where the two disagree, nothing can be said about places.
        let documents = documents.unwrap_or_default();
        Ok(Self { events, documents })
    }
}

/// The next event that is no comment.
struct Cursor<'e, 'a> {
    events: &'e [Event<'a>],
    position: usize,
}

impl Cursor<'_, '_> {
    fn peek(&mut self) -> Option<(usize, &EventKind<'_>)> {
        while let Some(event) = self.events.get(self.position) {
            if !matches!(event.kind, EventKind::Comment { .. }) {
                break;
            }
            self.position += 1;
        }
        let event = self.events.get(self.position)?;
        Some((self.position, &event.kind))
    }

    fn next(&mut self) -> Option<usize> {
        let (position, _) = self.peek()?;
        self.position += 1;
        Some(position)
    }

    fn root(&mut self, mapping: &Mapping) -> Option<Root> {
        self.next()?;
        let start = match self.peek()? {
            (start, EventKind::Start { .. }) => Some(start),
            _ => None,
        };
        let mut items = Vec::new();
        if start.is_some() {
            self.next();
            items = self.items(mapping)?;
            self.next();
        } else {
            items.extend(mapping.items.iter().filter_map(comment_of_item));
            while !matches!(self.peek()?.1, EventKind::DocumentEnd) {
                self.next();
            }
        }
        let end = self.next()?;
        Some(Root { items, start, end })
    }

    fn items(&mut self, mapping: &Mapping) -> Option<Vec<Slot>> {
        let mut slots = Vec::with_capacity(mapping.items.len());
        for item in &mapping.items {
            slots.push(match item {
                Item::Comment(_) => comment_of_item(item)?,
                Item::Entry(entry) => Slot::Node {
                    key: Some(self.next()?),
                    node: self.node(&entry.value)?,
                },
            });
        }
        Some(slots)
    }

    fn elements(&mut self, elements: &[Element]) -> Option<Vec<Slot>> {
        let mut slots = Vec::with_capacity(elements.len());
        for element in elements {
            slots.push(match element {
                Element::Comment(comment) => Slot::Comment(comment.text.parse().ok()?),
                Element::Value(value) => Slot::Node {
                    key: None,
                    node: self.node(value)?,
                },
            });
        }
        Some(slots)
    }

    fn node(&mut self, value: &Value) -> Option<Node> {
        let (start, kind) = self.peek()?;
        let kind = match kind {
            EventKind::Start { kind, .. } => *kind,
            EventKind::Scalar(_) | EventKind::Alias(_) => {
                self.next();
                return Some(Node::Leaf(start));
            }
            _ => return None,
        };
        self.next();
        let slots = match (kind, value) {
            (ContainerKind::Mapping, Value::Mapping(mapping)) => self.items(mapping)?,
            (ContainerKind::Sequence, Value::Sequence(elements)) => self.elements(elements)?,
            _ => return None,
        };
        let (end, EventKind::End) = self.peek()? else {
            return None;
        };
        self.next();
        Some(Node::Container { start, end, slots })
    }
}

fn comment_of_item(item: &Item) -> Option<Slot> {
    match item {
        Item::Comment(comment) => Some(Slot::Comment(comment.text.parse().ok()?)),
        Item::Entry(_) => None,
    }
}
