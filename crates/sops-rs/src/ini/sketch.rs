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
    /// Finds all places; `None` if the text is no INI.
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
        Some(self.place(start, close))
    }

    /// The lines since a position; behind the end of what counts in them, a comment may follow.
    fn place(&mut self, start: usize, end: usize) -> Place {
        let lines = start..self.position();
        let tail = &self.text[end..lines.end];
        let inline = tail
            .contains(['#', ';'])
            .then(|| end..end + tail.trim_end().len());
        Place {
            lines,
            above: self.above.take(),
            inline,
        }
    }

    fn key(&mut self, start: usize, line: &'t str) -> Option<Key> {
        let (_, rest) = split_key(line.trim_start()).ok()?;
        let white = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let value = start + line.len() - rest.len() + white;
        self.lines.value(rest).ok()?;
        let end = self.value_end(value);
        let mut place = self.place(start, end);
        if !self.has_comment(value, end) {
            place.inline = None;
        }
        Some(Key {
            place,
            head: start..value,
            value: value..end,
        })
    }

    /// Where the value ends that begins at a position and whose lines have been read.
    fn value_end(&self, start: usize) -> usize {
        let text = &self.text[start..self.position()];
        let text = text.trim_end();
        let first = text.lines().next().unwrap_or_default().trim_end();
        let quote = quote_of(text);
        let length = if let Some(quote) = quote {
            // What stands behind the quotes of one line is lost.
            let several = text.len() > first.len();
            let closing = text.rfind(quote).map_or(text.len(), |at| at + quote.len());
            if several { closing } else { text.len() }
        } else if first.ends_with('\\') {
            text.len()
        } else {
            first
                .find(['#', ';'])
                .map_or(first.len(), |sign| first[..sign].trim_end().len())
        };
        start + length
    }

    /// Tells whether go-ini sees a comment behind a value.
    fn has_comment(&self, start: usize, end: usize) -> bool {
        let value = &self.text[start..end];
        match quote_of(value) {
            Some(_) => value.contains('\n'),
            None => !value.contains('\n'),
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
