//! A text written again from its start to its end, with single places changed.
//!
//! Nothing is kept but the new text and a position in the old one, so that large files cost no more
//! than their size. Places must come in order; one that lies behind is refused.

use std::ops::Range;

use zeroize::Zeroizing;

/// The new text up to a position of the old one.
pub(crate) struct Rewrite<'t> {
    pub(crate) text: &'t str,
    position: usize,
    out: Zeroizing<String>,
}

/// A point to come back to.
pub(crate) struct Mark {
    position: usize,
    length: usize,
}

impl<'t> Rewrite<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            position: 0,
            out: Zeroizing::new(String::with_capacity(text.len())),
        }
    }

    /// Replaces a part of the text; an empty part is a place to insert at.
    pub(crate) fn replace(&mut self, part: Range<usize>, new: &str) -> Option<()> {
        let kept = self.text.get(self.position..part.start)?;
        self.out.push_str(kept);
        self.out.push_str(new);
        self.position = part.end;
        Some(())
    }

    pub(crate) fn insert(&mut self, place: usize, new: &str) -> Option<()> {
        self.replace(place..place, new)
    }

    pub(crate) fn remove(&mut self, part: Range<usize>) -> Option<()> {
        self.replace(part, "")
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            position: self.position,
            length: self.out.len(),
        }
    }

    /// Takes back what was replaced since a point.
    pub(crate) fn undo(&mut self, mark: &Mark) {
        self.position = mark.position;
        self.out.truncate(mark.length);
    }

    /// Returns the new text, with the rest of the old one.
    pub(crate) fn finish(mut self) -> Option<Zeroizing<String>> {
        let rest = self.text.get(self.position..)?;
        self.out.push_str(rest);
        Some(self.out)
    }
}

/// The line break of a text: that of Windows where it occurs at all.
pub(crate) fn line_break(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}
