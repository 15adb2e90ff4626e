//! Replacements in a text, and the lines around them.

use std::collections::BTreeMap;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::rewrite::line_break;

/// A text and what is to be replaced in it.
pub(super) struct Splices<'a> {
    pub(super) text: &'a str,
    newline: &'static str,
    next: usize,
    /// By start, and by order where several start at the same place.
    edits: BTreeMap<(usize, usize), (usize, Zeroizing<String>)>,
}

impl<'a> Splices<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            newline: line_break(text),
            next: 0,
            edits: BTreeMap::new(),
        }
    }

    /// Replaces a part of the text; an empty part is a place to insert at.
    pub(super) fn replace(&mut self, part: Range<usize>, new: &str) {
        let new = if self.newline == "\n" {
            new.to_owned()
        } else {
            new.replace('\n', self.newline)
        };
        let order = self.next;
        self.next += 1;
        self.edits
            .insert((part.start, order), (part.end, Zeroizing::new(new)));
    }

    /// A point to come back to.
    pub(super) fn mark(&self) -> usize {
        self.next
    }

    /// Takes back what was replaced since a point.
    pub(super) fn undo(&mut self, mark: usize) {
        if self.next > mark {
            self.edits.retain(|(_, order), _| *order < mark);
        }
    }

    /// Tells whether something is replaced inside a part.
    pub(super) fn touches(&self, part: &Range<usize>) -> bool {
        let inside = (part.start, 0)..(part.end, 0);
        self.edits.range(inside).next().is_some()
    }

    /// Returns the new text; `None` if two replacements overlap.
    pub(super) fn apply(&self) -> Option<Zeroizing<String>> {
        let grown: usize = self.edits.values().map(|(_, new)| new.len()).sum();
        let mut out = Zeroizing::new(String::with_capacity(self.text.len() + grown));
        let mut position = 0;
        for ((start, _), (end, new)) in &self.edits {
            out.push_str(self.text.get(position..*start)?);
            out.push_str(new);
            position = *end;
        }
        out.push_str(self.text.get(position..)?);
        Some(out)
    }

    /// The start of the line that a place is in.
    pub(super) fn line_start(&self, place: usize) -> usize {
        self.text[..place]
            .rfind('\n')
            .map_or(0, |newline| newline + 1)
    }

    /// The end of the line that a place is in, before its line break.
    pub(super) fn line_end(&self, place: usize) -> usize {
        let end = self.text[place..]
            .find('\n')
            .map_or(self.text.len(), |newline| place + newline);
        if end > place && self.text[..end].ends_with('\r') {
            end - 1
        } else {
            end
        }
    }

    /// The start of the line after the one that a place is in.
    pub(super) fn next_line(&self, place: usize) -> usize {
        self.text[place..]
            .find('\n')
            .map_or(self.text.len(), |newline| place + newline + 1)
    }

    /// What stands before a place on its line.
    pub(super) fn before_on_line(&self, place: usize) -> &'a str {
        &self.text[self.line_start(place)..place]
    }
}

/// Puts spaces before every line that is not empty.
pub(super) fn indented(text: &str, column: usize) -> Zeroizing<String> {
    let spaces = " ".repeat(column);
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            out.push_str(&spaces);
        }
        out.push_str(line);
    }
    out
}
