//! Where things begin and end in a text, beyond what the parser's spans say.

use std::collections::BTreeMap;
use std::ops::Range;

use super::inline::Context;
use super::parse::{ContainerKind, Event, EventKind, Quoting};
use super::sketch::{Node, Slot};

pub(super) struct Places<'t, 'e> {
    text: &'t str,
    events: &'e [Event<'t>],
    /// The event that starts the container of each event.
    holders: Vec<Option<usize>>,
    /// The event that ends the container which each event starts.
    ends: BTreeMap<usize, usize>,
    /// The events with anchors, by their number.
    anchors: BTreeMap<usize, usize>,
}

/// The parts of a scalar.
pub(super) struct ScalarPlace {
    /// The scalar, or the header of a block.
    pub(super) head: Range<usize>,
    /// The lines below the header.
    pub(super) body: Option<Range<usize>>,
    pub(super) quoting: Quoting,
    /// A tag that says what the new value is not.
    pub(super) wrong_tag: Option<Range<usize>>,
}

impl<'t, 'e> Places<'t, 'e> {
    pub(super) fn new(text: &'t str, events: &'e [Event<'t>]) -> Self {
        let mut places = Self {
            text,
            events,
            holders: Vec::with_capacity(events.len()),
            ends: BTreeMap::new(),
            anchors: BTreeMap::new(),
        };
        let mut open = Vec::new();
        for (position, event) in events.iter().enumerate() {
            if let EventKind::End = event.kind
                && let Some(start) = open.pop()
            {
                places.ends.insert(start, position);
            }
            places.holders.push(open.last().copied());
            let anchor = match &event.kind {
                EventKind::Start { anchor, .. } => {
                    open.push(position);
                    *anchor
                }
                EventKind::Scalar(scalar) => scalar.anchor,
                _ => 0,
            };
            if anchor != 0 {
                places.anchors.insert(anchor, position);
            }
        }
        places
    }

    pub(super) fn span(&self, event: usize) -> Range<usize> {
        let at = self.events[event].at;
        at.start..at.end
    }

    /// The start of an event; that of a block scalar is its header.
    fn start(&self, event: usize) -> usize {
        let block = self
            .scalar(event)
            .filter(|place| place.quoting == Quoting::Block);
        block.map_or(self.events[event].at.start, |place| place.head.start)
    }

    pub(super) fn is_alias(&self, event: usize) -> bool {
        matches!(self.events[event].kind, EventKind::Alias(_))
    }

    /// The span of what an alias refers to.
    pub(super) fn anchored(&self, alias: usize) -> Option<Range<usize>> {
        let EventKind::Alias(anchor) = self.events[alias].kind else {
            return None;
        };
        let first = *self.anchors.get(&anchor)?;
        let last = self.ends.get(&first).copied().unwrap_or(first);
        Some(self.events[first].at.start..self.events[last].at.end)
    }

    pub(super) fn is_flow(&self, container: usize) -> bool {
        matches!(
            self.events[container].kind,
            EventKind::Start { flow: true, .. }
        )
    }

    pub(super) fn context(&self, container: usize) -> Context {
        if self.is_flow(container) {
            Context::Flow
        } else {
            Context::Block
        }
    }

    pub(super) fn context_of(&self, event: usize) -> Context {
        self.holders[event].map_or(Context::Block, |holder| self.context(holder))
    }

    /// The column of the keys of a mapping, or of the question marks before them.
    pub(super) fn key_column(&self, start: usize, slots: &[Slot]) -> Option<usize> {
        if self.is_flow(start) {
            // Nothing is written on a line of its own there, and the line may be the whole text.
            return Some(0);
        }
        let key = slots.iter().find_map(|slot| match slot {
            Slot::Node { key, .. } => *key,
            Slot::Comment(_) => None,
        })?;
        let column = self.column(self.with_properties(key).start);
        Some(column.min(self.events[start].at.column))
    }

    /// The column of the keys or dashes that an event stands behind.
    pub(super) fn container_column(&self, event: usize) -> Option<usize> {
        let holder = self.holders[event]?;
        let start = self.start(event);
        let line = self.line_start(start);
        if self.is_list(holder) {
            let dash = self.text[line..start].rfind("- ")?;
            return Some(self.column(line + dash));
        }
        let key = (0..event).rev().find(|&before| {
            self.holders[before] == Some(holder)
                && matches!(
                    self.events[before].kind,
                    EventKind::Scalar(_) | EventKind::Alias(_)
                )
        })?;
        Some(self.column(self.with_properties(key).start))
    }

    fn is_list(&self, container: usize) -> bool {
        matches!(
            self.events[container].kind,
            EventKind::Start {
                kind: ContainerKind::Sequence,
                ..
            }
        )
    }

    /// The column of the dashes of a list.
    pub(super) fn dash_column(&self, slots: &[Slot]) -> Option<usize> {
        let node = slots.iter().find_map(|slot| match slot {
            Slot::Node { node, .. } => Some(node),
            Slot::Comment(_) => None,
        })?;
        Some(self.column(self.dash(node)?))
    }

    /// The dash of an element, which must stand on the line of its first value.
    pub(super) fn dash(&self, node: &Node) -> Option<usize> {
        let start = self.start(node.first_event());
        let line = self.line_start(start);
        let before = &self.text[line..start];
        let dash = before
            .char_indices()
            .rev()
            .find(|&(index, c)| c == '-' && before[index + 1..].starts_with([' ', '\t']))?;
        Some(line + dash.0)
    }

    fn column(&self, place: usize) -> usize {
        let line = self.line_start(place);
        self.text[line..place].chars().count()
    }

    fn line_start(&self, place: usize) -> usize {
        self.text[..place]
            .rfind('\n')
            .map_or(0, |newline| newline + 1)
    }

    /// The end of the event before, behind which the properties of this one stand.
    fn end_before(&self, event: usize) -> usize {
        let before = event.checked_sub(1).map(|before| &self.events[before]);
        before.map_or(0, |before| match before.kind {
            EventKind::Start { flow: false, .. } => before.at.start,
            EventKind::End if before.at.end > self.events[event].at.start => 0,
            _ => before.at.end.max(before.at.start),
        })
    }

    /// A scalar with its anchor and tag, if they stand on its line.
    pub(super) fn with_properties(&self, event: usize) -> Range<usize> {
        let span = self.span(event);
        let from = self
            .line_start(span.start)
            .max(self.end_before(event).min(span.start));
        let before = &self.text[from..span.start];
        let start = properties(before)
            .next()
            .map_or(span.start, |word| from + word.start);
        start..span.end
    }

    /// The parts of a scalar that something else can take the place of; `None` if it is empty.
    pub(super) fn scalar(&self, event: usize) -> Option<ScalarPlace> {
        let EventKind::Scalar(scalar) = &self.events[event].kind else {
            return None;
        };
        let span = self.span(event);
        if span.is_empty() {
            return None;
        }
        let from = self.end_before(event).min(span.start);
        let before = &self.text[from..span.start];
        let wrong_tag = properties(before)
            .map(|word| from + word.start..from + word.end)
            .find(|word| is_wrong_tag(&self.text[word.clone()]))
            .map(|word| word.start..self.skip_blanks(word.end));
        let (head, body) = match scalar.quoting {
            Quoting::Block => self.block_parts(span, from)?,
            _ => (span, None),
        };
        Some(ScalarPlace {
            head,
            body,
            quoting: scalar.quoting,
            wrong_tag,
        })
    }

    /// The header and the lines of a block scalar, the last line break excluded.
    fn block_parts(
        &self,
        span: Range<usize>,
        from: usize,
    ) -> Option<(Range<usize>, Option<Range<usize>>)> {
        let is_header = |c: char| c == '|' || c == '>';
        let header = match self.text[span.clone()].chars().next() {
            Some(c) if is_header(c) => span.start,
            _ => from + self.text[from..span.start].rfind(is_header)?,
        };
        let length = self.text[header..].find(|c: char| c.is_whitespace() || c == '#')?;
        let head = header..header + length;
        let keeps = self.text[head.clone()].contains('+');
        let mut line_end = header + self.text[header..].find('\n')?;
        if self.text[..line_end].ends_with('\r') {
            line_end -= 1;
        }
        let mut end = span.end;
        if keeps {
            let lines = self.text[..end].strip_suffix('\n')?;
            end = lines.strip_suffix('\r').unwrap_or(lines).len();
        } else {
            end = self.text[..end].trim_end().len();
        }
        Some((head, (end > line_end).then_some(line_end..end)))
    }

    fn skip_blanks(&self, place: usize) -> usize {
        let rest = &self.text[place..];
        place + rest.len() - rest.trim_start_matches([' ', '\t']).len()
    }

    /// A comment with its sign.
    pub(super) fn comment(&self, event: usize) -> Option<Range<usize>> {
        let span = self.span(event);
        let text = self.text.get(span.clone())?;
        let start = span.start + text.find('#')?;
        let text = self.text[start..span.end].trim_end_matches(['\n', '\r']);
        Some(start..start + text.len())
    }

    /// The start of a comment that stands behind a place on its line.
    pub(super) fn comment_after(&self, slot: Option<&Slot>, place: usize) -> Option<usize> {
        let Some(Slot::Comment(event)) = slot else {
            return None;
        };
        let start = self.comment(*event)?.start;
        let between = self.text.get(place..start)?;
        between
            .trim()
            .is_empty()
            .then_some(start)
            .filter(|_| !between.contains('\n'))
    }

    /// Where an item ends: its last character.
    pub(super) fn slot_end(&self, slot: &Slot) -> usize {
        match slot {
            Slot::Comment(event) => {
                let span = self.span(*event);
                let text = self.text[span.clone()].trim_end();
                span.start + text.len()
            }
            Slot::Node { key, node } => {
                let key_end = key.map(|key| self.colon(key));
                self.node_end(node).max(key_end.unwrap_or_default())
            }
        }
    }

    fn node_end(&self, node: &Node) -> usize {
        match node {
            Node::Leaf(event) => match self.scalar(*event) {
                Some(place) => place.body.map_or(place.head.end, |body| body.end),
                None => self.span(*event).end,
            },
            Node::Container { start, end, .. } if self.is_flow(*start) => self.span(*end).end,
            Node::Container { slots, start, .. } => {
                let ends = slots.iter().map(|slot| self.slot_end(slot));
                ends.max().unwrap_or_else(|| self.span(*start).end)
            }
        }
    }

    /// The place after the colon of a key.
    fn colon(&self, key: usize) -> usize {
        let end = self.span(key).end;
        self.text[end..]
            .find(':')
            .map_or(end, |colon| end + colon + 1)
    }

    /// A value with everything between it and the colon or dash before it.
    pub(super) fn value_span(&self, node: &Node, key: Option<usize>) -> Option<Range<usize>> {
        let start = match key {
            Some(key) => self.colon(key),
            None => self.dash(node)? + 1,
        };
        let end = self.node_end(node).max(start);
        // A comment in between would be lost.
        let events = key.unwrap_or(node.first_event())..=node.last_event();
        let comments = events
            .map(|event| &self.events[event])
            .any(|event| matches!(event.kind, EventKind::Comment { .. }));
        (!comments).then_some(start..end)
    }

    /// The end of a document: where more of it can be put.
    pub(super) fn document_end(&self, end: usize) -> usize {
        let content = self.events[..end]
            .iter()
            .rev()
            .find(|event| !matches!(event.kind, EventKind::DocumentEnd | EventKind::End));
        let Some(content) = content else { return 0 };
        match content.kind {
            EventKind::DocumentStart => content.at.end,
            _ => content.at.end.max(content.at.start),
        }
    }
}

/// The words of a tag and an anchor at the end of a text.
fn properties(before: &str) -> impl Iterator<Item = Range<usize>> {
    let mut words = Vec::new();
    let mut end = before.len();
    loop {
        let trimmed = before[..end].trim_end();
        let start = trimmed
            .rfind(|c: char| c.is_whitespace() || matches!(c, '[' | '{' | ','))
            .map_or(0, |index| index + 1);
        let word = &trimmed[start..];
        if !word.starts_with(['!', '&']) {
            break;
        }
        words.push(start..trimmed.len());
        end = start;
    }
    words.reverse();
    words.into_iter()
}

fn is_wrong_tag(word: &str) -> bool {
    word.starts_with("!!") && word != "!!str"
}
