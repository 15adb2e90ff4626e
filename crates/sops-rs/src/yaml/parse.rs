//! The events of a YAML text, with what comment placement needs to know about them.

use std::borrow::Cow;

use serde_saphyr::granit_parser as granit;

use crate::parse_error::ParseError;
use crate::tree::MAX_DEPTH;

/// One event.
pub(super) struct Event<'a> {
    pub(super) kind: EventKind<'a>,
    pub(super) at: Place,
}

/// Where an event stands in the text.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Line of the start, from 1.
    pub(super) line: usize,
    /// Column of the start, from 0.
    pub(super) column: usize,
    /// Byte offset of the start.
    pub(super) start: usize,
    /// Byte offset of the end.
    pub(super) end: usize,
}

pub(super) enum EventKind<'a> {
    DocumentStart,
    DocumentEnd,
    Scalar(ScalarEvent<'a>),
    Alias(usize),
    Start {
        kind: ContainerKind,
        flow: bool,
        anchor: usize,
    },
    End,
    Comment {
        text: Cow<'a, str>,
        same_line: bool,
    },
}

pub(super) struct ScalarEvent<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) quoted: bool,
    pub(super) quoting: Quoting,
    pub(super) block: bool,
    pub(super) anchor: usize,
    pub(super) tag: Option<String>,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    Plain,
    Single,
    Double,
    Block,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ContainerKind {
    Mapping,
    Sequence,
}

/// Reads all events of a text.
pub(super) fn events(text: &str) -> Result<Vec<Event<'_>>, ParseError> {
    let options = granit::options! {
        max_buffered_comment_events: usize::MAX,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut events = Vec::new();
    for next in granit::Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| ParseError::Syntax {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            message: error.info(),
        })?;
        let Some(mut kind) = kind(event) else {
            continue;
        };
        let bytes = span.byte_range().unwrap_or_default();
        if bytes.end == text.len() && !text.ends_with('\n') {
            drop_added_newline(&mut kind);
        }
        events.push(Event {
            kind,
            at: Place {
                line: span.start.line(),
                column: span.start.col(),
                start: bytes.start,
                end: bytes.end,
            },
        });
    }
    Ok(events)
}

/// A block scalar that the file ends in without a newline has none either.
fn drop_added_newline(kind: &mut EventKind<'_>) {
    if let EventKind::Scalar(scalar) = kind
        && scalar.block
        && let Some(stripped) = scalar.text.strip_suffix('\n')
    {
        scalar.text = Cow::Owned(stripped.to_owned());
    }
}

fn kind(event: granit::Event<'_>) -> Option<EventKind<'_>> {
    use granit::Event as E;
    let flow = |style| style == granit::StructureStyle::Flow;
    Some(match event {
        E::DocumentStart(..) => EventKind::DocumentStart,
        E::DocumentEnd => EventKind::DocumentEnd,
        E::Scalar(text, style, anchor, tag) => EventKind::Scalar(ScalarEvent {
            text: match style {
                granit::ScalarStyle::SingleQuoted => fold_old_breaks(text),
                _ => text,
            },
            quoting: match style {
                granit::ScalarStyle::Plain => Quoting::Plain,
                granit::ScalarStyle::SingleQuoted => Quoting::Single,
                granit::ScalarStyle::DoubleQuoted => Quoting::Double,
                granit::ScalarStyle::Literal | granit::ScalarStyle::Folded => Quoting::Block,
            },
            quoted: style != granit::ScalarStyle::Plain,
            block: matches!(
                style,
                granit::ScalarStyle::Literal | granit::ScalarStyle::Folded
            ),
            anchor,
            tag: tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())),
        }),
        E::Alias(anchor) => EventKind::Alias(anchor),
        E::MappingStart(style, anchor, _) => EventKind::Start {
            kind: ContainerKind::Mapping,
            flow: flow(style),
            anchor,
        },
        E::SequenceStart(style, anchor, _) => EventKind::Start {
            kind: ContainerKind::Sequence,
            flow: flow(style),
            anchor,
        },
        E::MappingEnd | E::SequenceEnd => EventKind::End,
        E::Comment(text, placement) => EventKind::Comment {
            text,
            same_line: placement == granit::Placement::Right,
        },
        _ => return None,
    })
}

/// Folds a single-quoted text at the line breaks of YAML 1.1 that are plain characters in 1.2:
/// go-yaml writes an indentation after them, and drops it again when it reads.
fn fold_old_breaks(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_old_break = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    if !text.contains(is_old_break) {
        return text;
    }
    let mut folded = String::with_capacity(text.len());
    for part in text.split_inclusive(is_old_break) {
        let (line, end) = match part.char_indices().next_back() {
            Some((index, c)) if is_old_break(c) => part.split_at(index),
            _ => (part, ""),
        };
        let line = if folded.is_empty() {
            line
        } else {
            line.trim_start_matches([' ', '\t'])
        };
        let line = if end.is_empty() {
            line
        } else {
            line.trim_end_matches([' ', '\t'])
        };
        folded.push_str(line);
        folded.push_str(end);
    }
    Cow::Owned(folded)
}
