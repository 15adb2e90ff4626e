//! Where in an INI text its sections, keys, values and comments stand.
//!
//! Lines are read as the loader reads them; this only remembers where.

use std::ops::Range;

use super::read::{Lines, split_key};

/// The places of a text. The first section is the one of the keys before any header.
pub(super) struct Sketch {
    pub(super) sections: Vec<Section>,
    /// Comments that belong to nothing, at the end of the text.
    pub(super) trailing: Option<Range<usize>>,
}

/// The place of a section.
pub(super) struct Section {
    /// Its header; empty for the first section.
    pub(super) header: Place,
    pub(super) keys: Vec<Key>,
}

/// The place of a key.
pub(super) struct Key {
    pub(super) place: Place,
    /// What stands between the start of its line and its value.
    pub(super) head: Range<usize>,
    /// The value, quotes included.
    pub(super) value: Range<usize>,
}

/// The lines of a key or a header, and the comments that belong to it.
#[derive(Clone)]
pub(super) struct Place {
    /// With their ends.
    pub(super) lines: Range<usize>,
    /// The lines of comments above, with their ends.
    pub(super) above: Option<Range<usize>>,
    /// The comment on its own line, with the white space before it.
    pub(super) inline: Option<Range<usize>>,
}

impl Place {
    /// Where it begins, comments included.
    pub(super) fn start(&self) -> usize {
        self.above
            .as_ref()
            .map_or(self.lines.start, |above| above.start)
    }
}

impl Section {
    /// Where its last line ends.
    pub(super) fn end(&self) -> usize {
        self.keys
            .last()
            .map_or(self.header.lines.end, |key| key.place.lines.end)
    }
}

impl Sketch {
    /// Finds all places; `None` if the text is no INI, or has parts that go-ini passes over: they are
    /// in no tree, so nobody could say whether they may stay in the clear.
    pub(super) fn of(text: &str) -> Option<Self> {
        let first = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut reader = Reader {
            text,
            lines: Lines::new(&text[first..]),
            above: None,
        };
        let nothing = Place {
            lines: first..first,
            above: None,
            inline: None,
        };
        let mut sections = vec![Section {
            header: nothing,
            keys: Vec::new(),
        }];
        loop {
            let start = reader.position();
            let Some(line) = reader.lines.next() else {
                break;
            };
            let sign = line.trim_start().chars().next();
            match sign {
                None => {}
                Some('#' | ';') => reader.comment(start),
                Some('[') => sections.push(Section {
                    header: reader.header(start, line)?,
                    keys: Vec::new(),
                }),
                Some(_) => {
                    let key = reader.key(start, line)?;
                    sections.last_mut()?.keys.push(key);
                }
            }
        }
        Some(Self {
            sections,
            trailing: reader.above,
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    lines: Lines<'t>,
    above: Option<Range<usize>>,
}

impl<'t> Reader<'t> {
    fn position(&self) -> usize {
        self.text.len() - self.lines.left()
    }

    fn comment(&mut self, start: usize) {
        let first = self.above.as_ref().map_or(start, |above| above.start);
        self.above = Some(first..self.position());
    }

    fn header(&mut self, start: usize, line: &str) -> Option<Place> {
        let close = start + line.rfind(']')? + 1;
        self.place(start, close)
    }

    /// The lines since a position. Behind the end of what counts in them, a comment may follow, but
    /// nothing else.
    fn place(&mut self, start: usize, end: usize) -> Option<Place> {
        let lines = start..self.position();
        let tail = self.text[end..lines.end].trim_end();
        if !tail.is_empty() && !tail.trim_start().starts_with(['#', ';']) {
            return None;
        }
        Some(Place {
            lines,
            above: self.above.take(),
            inline: (!tail.is_empty()).then(|| end..end + tail.len()),
        })
    }

    fn key(&mut self, start: usize, line: &'t str) -> Option<Key> {
        let (_, rest) = split_key(line.trim_start()).ok()?;
        let white = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let value = start + line.len() - rest.len() + white;
        self.lines.value(rest).ok()?;
        let end = value + self.value_length(value)?;
        Some(Key {
            place: self.place(start, end)?,
            head: start..value,
            value: value..end,
        })
    }

    /// The length of the value that begins at a position and whose lines have been read.
    fn value_length(&self, start: usize) -> Option<usize> {
        let text = self.text[start..self.position()].trim_end();
        let first = text.lines().next().unwrap_or_default().trim_end();
        let is_one_line = text.len() == first.len();
        match quote_of(text) {
            // Behind quotes that close on their own line go-ini sees no comment.
            Some(quote) if is_one_line => text.ends_with(quote).then_some(text.len()),
            Some(quote) => Some(text.rfind(quote)? + quote.len()),
            None if first.ends_with('\\') => Some(text.len()),
            None => {
                let value = first.split(['#', ';']).next().unwrap_or_default();
                Some(value.trim_end().len())
            }
        }
    }
}

/// The quotes that may hold several lines.
pub(super) fn quote_of(value: &str) -> Option<&'static str> {
    match value {
        _ if value.starts_with("\"\"\"") && value.len() > 3 => Some("\"\"\""),
        _ if value.starts_with('`') => Some("`"),
        _ => None,
    }
}
