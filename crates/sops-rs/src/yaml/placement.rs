//! Which container a comment belongs to, and before which entry it stands.
//!
//! `sops` encrypts a comment under the path of its container, and takes the container from
//! go-yaml, which attaches comments to nodes by lines and columns. The rules here arrive at the
//! same places from the events alone.

use std::collections::BTreeSet;

use super::load::{Builder, LastKind};
use super::parse::{ContainerKind, Event, EventKind, Place};
use crate::tree::{Comment, Element, Entry, Item, Mapping, Value};

/// An open container.
pub(super) struct Frame {
    pub(super) contents: Contents,
    pub(super) flow: bool,
    pub(super) anchor: usize,
    /// The column of its keys or dashes.
    column: usize,
    /// A block sequence whose dashes stand under its key.
    indentless: bool,
    /// Comments that go in once the containers inside are closed.
    deferred: Vec<Comment>,
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
    fn insert_before_last(&mut self, comment: Comment) {
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

    /// Puts a comment first into the flow mapping that was completed last.
    fn insert_into_last(&mut self, comment: Comment) {
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
            _ => self.insert_before_last(comment),
        }
    }

    fn awaits_value(&self) -> bool {
        matches!(self.contents, Contents::Mapping { key: Some(_), .. })
    }
}

/// What comes after a run of comments.
#[derive(Default)]
pub(super) struct Ahead {
    position: usize,
    /// How many containers end before it.
    closes: usize,
    next: Next,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    Container,
    Scalar,
    #[default]
    Nothing,
}

impl Ahead {
    /// Looks beyond the comments at a position.
    pub(super) fn look(&mut self, events: &[Event<'_>], position: usize) {
        if position < self.position {
            return;
        }
        self.closes = 0;
        self.next = Next::Nothing;
        for (index, event) in events.iter().enumerate().skip(position + 1) {
            // Up to the first event that is no comment, the answer is the same for all of them.
            if self.closes == 0 {
                self.position = index;
            }
            self.next = match event.kind {
                EventKind::Comment { .. } => continue,
                EventKind::End => {
                    self.closes += 1;
                    continue;
                }
                EventKind::Start { .. } => Next::Container,
                EventKind::Scalar(_) | EventKind::Alias(_) => Next::Scalar,
                EventKind::DocumentStart | EventKind::DocumentEnd => Next::Nothing,
            };
            return;
        }
    }
}

impl Builder<'_> {
    /// Places a comment inside a document.
    pub(super) fn place(&mut self, comment: Comment, at: Place, same_line: bool, ahead: &Ahead) {
        if self.frames.is_empty() {
            self.inside_next.push(comment);
        } else if same_line {
            self.place_on_line(comment, at, ahead);
        } else {
            self.place_own_line(comment, at, ahead);
        }
    }

    /// A comment behind something on its line.
    fn place_on_line(&mut self, mut comment: Comment, at: Place, ahead: &Ahead) {
        let Some(last) = self.last else {
            return self.inside_next.push(comment);
        };
        let block_header = at.start < last.at.start;
        let adjacent = block_header || !self.breaks_line(last.at.end, at.start);
        match last.is {
            LastKind::Key if ahead.next == Next::Container && !adjacent => {
                self.inside_next.push(comment);
            }
            LastKind::Key => self.top().extend([comment]),
            _ if !adjacent => self.inside_next.push(comment),
            LastKind::FlowMapping => self.top().insert_into_last(comment),
            LastKind::Opening if self.top().flow => self.top().extend([comment]),
            LastKind::Opening | LastKind::BlockEnd => self.inside_next.push(comment),
            LastKind::Scalar { empty: true, .. } => self.top().insert_before_last(comment),
            LastKind::Scalar { .. } | LastKind::FlowSequence => {
                comment.inline = true;
                self.top().insert_before_last(comment);
            }
        }
    }

    /// A comment on a line of its own.
    fn place_own_line(&mut self, comment: Comment, at: Place, ahead: &Ahead) {
        let awaits_value = self.top().awaits_value();
        if awaits_value && ahead.next == Next::Container && ahead.closes == 0 {
            return self.inside_next.push(comment);
        }
        if awaits_value || self.top().flow {
            return self.top().extend([comment]);
        }
        if ahead.closes == 0 {
            if ahead.next == Next::Container && self.follows_dash(at) {
                self.inside_next.push(comment);
            } else {
                self.top().extend([comment]);
            }
            return;
        }
        let depth = self.dedented_home(at, ahead);
        let top = self.frames.len() - 1;
        if depth == top {
            self.top().extend([comment]);
        } else {
            self.frames[depth].deferred.push(comment);
        }
    }

    /// The container of a comment before a dedent: the one of the next entry if the comment is
    /// not deeper than that, else the innermost that starts no further right.
    fn dedented_home(&self, at: Place, ahead: &Ahead) -> usize {
        let top = self.frames.len() - 1;
        // What was deferred to an outer container keeps later comments from going deeper again.
        let limit = self
            .frames
            .iter()
            .position(|frame| !frame.deferred.is_empty());
        let limit = limit.unwrap_or(top);
        let next = match ahead.next {
            Next::Nothing => None,
            _ => top.checked_sub(ahead.closes),
        };
        if let Some(next) = next
            && at.column <= self.frames[next].column
        {
            return next.min(limit);
        }
        let innermost = self
            .frames
            .iter()
            .rposition(|frame| !frame.flow && !frame.indentless && frame.column <= at.column);
        innermost.unwrap_or(0).min(limit)
    }

    fn breaks_line(&self, from: usize, to: usize) -> bool {
        self.text
            .get(from..to)
            .is_some_and(|text| text.contains('\n'))
    }

    /// Tells whether a dash opened the entry that the comment stands in.
    fn follows_dash(&self, at: Place) -> bool {
        let from = self.last.map_or(0, |last| last.at.end.max(last.at.start));
        let Some(between) = self.text.get(from..at.start) else {
            return false;
        };
        between.lines().any(|line| is_dash(line.trim_start()))
    }

    /// Finds the column of a block sequence's dashes: the parser reports that of its first value
    /// where the dashes stand under the key.
    pub(super) fn find_dash(&self, frame: &mut Frame, at: Place) {
        let Some(parent) = self.frames.last().filter(|parent| parent.awaits_value()) else {
            return;
        };
        let before = &self.text[..at.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = self.text[line_start..]
            .lines()
            .take(1)
            .chain(before[..line_start].lines().rev());
        let dashes = lines
            .map(|line| (line.len() - line.trim_start().len(), line.trim_start()))
            .find(|(_, line)| is_dash(line));
        if let Some((column, _)) = dashes
            && column == parent.column
        {
            frame.column = column;
            frame.indentless = true;
        }
    }
}

fn is_dash(line: &str) -> bool {
    line == "-" || line.starts_with("- ") || line.starts_with("-\t")
}
