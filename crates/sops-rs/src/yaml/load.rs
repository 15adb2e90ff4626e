//! From the events of a YAML text to a tree.
//!
//! The stack of open containers is explicit. Aliases are expanded, within a budget; anchors, tags
//! and styles are gone afterwards; comments go where [`super::placement`] says.

use std::collections::BTreeMap;

use super::frame::{Contents, Frame, PendingKey};
use super::parse::{ContainerKind, Event, EventKind, Place, ScalarEvent, events};
use super::placement::{Ahead, Note, comments};
use super::resolve::resolve;
use crate::parse_error::ParseError;
use crate::scalar::Scalar;
use crate::tree::{Comment, Item, MAX_DEPTH, Mapping, Tree, Value};

/// How many bytes anchors and aliases may add to any file, and to each byte of its text.
const ALIAS_BUDGET: usize = 16 << 20;
const ALIAS_BUDGET_PER_BYTE: usize = 4;

/// What a value takes beside its text, roughly.
const NODE_BYTES: usize = 64;

/// Reads a text.
pub(crate) fn load(text: &str) -> Result<Tree, ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    build(text, &events(text)?, Contained::Values)
}

/// Reads the events of a text for its shape alone: values are null, keys are empty, and a comment
/// is the number of its event. Aliases are not expanded.
pub(super) fn load_numbered(text: &str, events: &[Event<'_>]) -> Result<Tree, ParseError> {
    build(text, events, Contained::Numbers)
}

/// What goes into the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contained {
    Values,
    Numbers,
}

fn build(text: &str, events: &[Event<'_>], contained: Contained) -> Result<Tree, ParseError> {
    let mut builder = Builder::new(text, contained);
    let mut position = 0;
    while let Some(event) = events.get(position) {
        if let EventKind::Comment { .. } = event.kind {
            let mut run = comments(&events[position..]);
            if contained == Contained::Numbers {
                for (offset, note) in run.iter_mut().enumerate() {
                    note.text = (position + offset).to_string().into();
                }
            }
            position += run.len();
            builder.take_comments(&run, &Ahead::of(&events[position..]));
        } else {
            position += 1;
            builder.take(event)?;
        }
    }
    if builder.documents.is_empty() {
        return Err(ParseError::Empty);
    }
    let mut documents = builder.documents;
    give_back_comments(&mut documents);
    Ok(Tree { documents })
}

/// The comments of an empty last document belong to the one before it.
fn give_back_comments(documents: &mut [Mapping]) {
    if let [.., before, last] = documents
        && last.entries().next().is_none()
    {
        before.items.append(&mut last.items);
    }
}

/// What a finished value brings when an alias repeats it.
struct Anchored {
    value: Value,
    size: usize,
    depth: usize,
}

pub(super) struct Builder<'a> {
    pub(super) text: &'a str,
    pub(super) frames: Vec<Frame>,
    /// Comments that belong first into the next container.
    pub(super) inside_next: Vec<Comment>,
    /// The last event that was no comment.
    pub(super) last: Option<Last>,
    documents: Vec<Mapping>,
    /// The document being read, once its root is complete.
    root: Option<Mapping>,
    in_document: bool,
    anchors: BTreeMap<usize, Option<Anchored>>,
    budget: usize,
    contained: Contained,
}

/// The last event that was no comment.
#[derive(Clone, Copy)]
pub(super) struct Last {
    pub(super) at: Place,
    pub(super) is: LastKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastKind {
    Key,
    Scalar { block: bool, empty: bool },
    FlowEnd,
    Opening,
    BlockEnd,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, contained: Contained) -> Self {
        Self {
            text,
            frames: Vec::new(),
            inside_next: Vec::new(),
            last: None,
            documents: Vec::new(),
            root: None,
            in_document: false,
            anchors: BTreeMap::new(),
            budget: ALIAS_BUDGET + ALIAS_BUDGET_PER_BYTE * text.len(),
            contained,
        }
    }

    fn take(&mut self, event: &Event<'_>) -> Result<(), ParseError> {
        match &event.kind {
            EventKind::Comment { .. } => {}
            EventKind::DocumentStart => {
                self.in_document = true;
                self.last = None;
                self.anchors.clear();
            }
            EventKind::DocumentEnd => {
                self.in_document = false;
                let mut root = self.root.take().unwrap_or_default();
                let comments = self.inside_next.drain(..);
                root.items.extend(comments.map(Item::Comment));
                self.documents.push(root);
            }
            EventKind::Start { kind, flow, anchor } => {
                self.open(*kind, *flow, *anchor, event.at)?;
            }
            EventKind::End => self.close(event.at),
            EventKind::Scalar(scalar) => self.scalar(scalar, event.at)?,
            EventKind::Alias(anchor) => self.alias(*anchor, event.at)?,
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: ContainerKind,
        flow: bool,
        anchor: usize,
        at: Place,
    ) -> Result<(), ParseError> {
        if self.expects_key() {
            let found = match kind {
                ContainerKind::Mapping => "a mapping",
                ContainerKind::Sequence => "a list",
            };
            return Err(ParseError::Key {
                line: at.line,
                found,
            });
        }
        if self.frames.is_empty() && kind == ContainerKind::Sequence {
            return Err(ParseError::NotAMapping {
                line: at.line,
                found: "a list",
            });
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let mut frame = Frame::new(kind, flow, anchor, at.column);
        if !flow && kind == ContainerKind::Sequence {
            self.find_dash(&mut frame, at);
        }
        frame.extend(self.inside_next.drain(..));
        self.frames.push(frame);
        self.last = Some(Last {
            at,
            is: LastKind::Opening,
        });
        Ok(())
    }

    fn close(&mut self, at: Place) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let is = if frame.flow {
            LastKind::FlowEnd
        } else {
            LastKind::BlockEnd
        };
        let anchor = frame.anchor;
        let value = match frame.contents {
            Contents::Mapping { mapping, .. } if self.frames.is_empty() => {
                self.root = Some(mapping);
                self.last = Some(Last { at, is });
                return;
            }
            Contents::Mapping { mapping, .. } => Value::Mapping(mapping),
            Contents::Sequence(elements) => Value::Sequence(elements),
        };
        self.attach(value, anchor, Last { at, is });
    }

    fn scalar(&mut self, scalar: &ScalarEvent<'_>, at: Place) -> Result<(), ParseError> {
        let tag = scalar.tag.as_deref();
        let value = match self.contained {
            Contained::Values => resolve(&scalar.text, scalar.quoted, tag)
                .map_err(|_| ParseError::Integer { line: at.line })?,
            Contained::Numbers => Value::Null,
        };
        let empty = at.start == at.end && !scalar.quoted;
        let is = LastKind::Scalar {
            block: scalar.block,
            empty,
        };
        self.node(value, scalar.anchor, Last { at, is })
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Result<(), ParseError> {
        let problem = |problem| ParseError::Alias {
            line: at.line,
            problem,
        };
        let is = LastKind::Scalar {
            block: false,
            empty: false,
        };
        if self.contained == Contained::Numbers {
            return self.node(Value::Null, 0, Last { at, is });
        }
        let Some(Some(anchored)) = self.anchors.get(&anchor) else {
            return Err(problem("refers to what contains it"));
        };
        if self.frames.len() + anchored.depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.budget = self
            .budget
            .checked_sub(anchored.size)
            .ok_or_else(|| problem("makes the document too large"))?;
        let value = anchored.value.clone();
        self.node(value, 0, Last { at, is })
    }

    /// A scalar or an alias: a key where one is expected, else a value.
    fn node(&mut self, value: Value, anchor: usize, last: Last) -> Result<(), ParseError> {
        if self.frames.is_empty() {
            return match value {
                Value::Null => Ok(()),
                _ => Err(ParseError::NotAMapping {
                    line: last.at.line,
                    found: "a single value",
                }),
            };
        }
        if self.expects_key() {
            self.key(&value, anchor, last.at)
        } else {
            let comments: Vec<_> = self.inside_next.drain(..).collect();
            self.top().extend(comments);
            self.attach(value, anchor, last);
            Ok(())
        }
    }

    fn key(&mut self, value: &Value, anchor: usize, at: Place) -> Result<(), ParseError> {
        let line = at.line;
        let numbered = self.contained == Contained::Numbers;
        let key = match value.as_str() {
            Some(text) => text.to_owned(),
            None if numbered => String::new(),
            None => {
                return Err(ParseError::Key {
                    line,
                    found: describe(value),
                });
            }
        };
        self.remember(anchor, value);
        let first_document = self.documents.is_empty();
        let comments: Vec<_> = self.inside_next.drain(..).collect();
        let frame = self.top();
        frame.extend(comments);
        if let Contents::Mapping {
            key: pending, seen, ..
        } = &mut frame.contents
        {
            if first_document && !numbered && !seen.insert(key.clone()) {
                return Err(ParseError::DuplicateKey { line, key });
            }
            *pending = Some(PendingKey(key));
        }
        self.last = Some(Last {
            at,
            is: LastKind::Key,
        });
        Ok(())
    }

    /// Puts a finished value into the container that is open.
    fn attach(&mut self, value: Value, anchor: usize, last: Last) {
        self.remember(anchor, &value);
        self.top().push(value);
        self.last = Some(last);
    }

    fn remember(&mut self, anchor: usize, value: &Value) {
        if anchor != 0 && self.contained == Contained::Values {
            let (size, depth) = measure(value);
            // An alias to what does not fit is an error; an anchor that nothing refers to is none.
            let anchored = match self.budget.checked_sub(size) {
                Some(left) => {
                    self.budget = left;
                    Anchored {
                        value: value.clone(),
                        size,
                        depth,
                    }
                }
                None => Anchored {
                    value: Value::Null,
                    size: usize::MAX,
                    depth: 0,
                },
            };
            self.anchors.insert(anchor, Some(anchored));
        }
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.frames.last().map(|frame| &frame.contents),
            Some(Contents::Mapping { key: None, .. })
        )
    }

    fn take_comments(&mut self, run: &[Note<'_>], ahead: &Ahead) {
        if self.in_document {
            self.place(run, ahead);
        } else {
            let comments = run.iter().map(Note::comment);
            // Comments after a document's end belong to that document.
            match self.documents.last_mut() {
                Some(document) => document.items.extend(comments.map(Item::Comment)),
                None => self.inside_next.extend(comments),
            }
        }
    }

    pub(super) fn top(&mut self) -> &mut Frame {
        self.frames
            .last_mut()
            .expect("only called while a container is open")
    }
}

fn too_deep(at: Place) -> ParseError {
    ParseError::TooDeep {
        line: at.line,
        limit: MAX_DEPTH,
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Mapping(_) => "a mapping",
        Value::Sequence(_) => "a list",
        Value::Scalar(scalar) => match scalar.kind() {
            crate::ScalarType::Int => "an integer (quote it)",
            crate::ScalarType::Float => "a number (quote it)",
            crate::ScalarType::Bool => "a boolean (quote it)",
            crate::ScalarType::Time => "a date (quote it)",
            _ => "bytes that are not text",
        },
    }
}

/// How many bytes a value takes, roughly, and how deep it nests.
fn measure(value: &Value) -> (usize, usize) {
    let mut own = NODE_BYTES;
    let mut children: Vec<&Value> = Vec::new();
    match value {
        Value::Scalar(Scalar::Str(bytes)) => return (own + bytes.len(), 0),
        Value::Null | Value::Scalar(_) => return (own, 0),
        Value::Mapping(mapping) => {
            own += mapping
                .entries()
                .map(|entry| entry.key.len())
                .sum::<usize>();
            children.extend(mapping.entries().map(|entry| &entry.value));
        }
        Value::Sequence(_) => children.extend(value.elements().into_iter().flatten()),
    }
    children.into_iter().fold((own, 1), |(size, depth), child| {
        let (child_size, child_depth) = measure(child);
        (size + child_size, depth.max(child_depth + 1))
    })
}
