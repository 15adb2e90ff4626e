//! Where in a JSON text its members and elements stand.
//!
//! The text has been read before, so nothing is checked here; the stack of open containers is
//! explicit.

use std::ops::Range;

/// The places of a text, in its order; the first is the object that it holds.
pub(super) struct Sketch(Vec<Spot>);

/// The place of a member or an element.
struct Spot {
    /// Where it begins: with its key, if it has one.
    start: usize,
    /// Where its value begins.
    value: usize,
    end: usize,
    /// The next spot that is not within this one.
    after: usize,
}

impl Sketch {
    /// Finds all places; `None` if the text is no JSON.
    pub(super) fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut spots: Vec<Spot> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut key = None;
        let mut position = if text.starts_with('\u{feff}') { 3 } else { 0 };
        while let Some(&byte) = bytes.get(position) {
            let end = match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'{' | b'[' => position + 1,
                b'}' | b']' => {
                    let closed = open.pop()?;
                    let after = spots.len();
                    let spot = &mut spots[closed];
                    (spot.end, spot.after) = (position + 1, after);
                    position += 1;
                    continue;
                }
                b'"' => string_end(bytes, position)?,
                _ => position + bare_length(&bytes[position..]),
            };
            let in_object = open
                .last()
                .is_some_and(|&container| bytes[spots[container].value] == b'{');
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {}
                b'"' if in_object && key.is_none() => key = Some(position),
                _ => {
                    if matches!(byte, b'{' | b'[') {
                        open.push(spots.len());
                    }
                    let start = key.take().unwrap_or(position);
                    let (value, after) = (position, spots.len() + 1);
                    spots.push(Spot {
                        start,
                        value,
                        end,
                        after,
                    });
                }
            }
            position = end;
        }
        (open.is_empty() && !spots.is_empty()).then_some(Self(spots))
    }

    /// The spots directly within a container.
    pub(super) fn children(&self, spot: usize) -> Vec<usize> {
        let end = self.0[spot].after;
        let first = Some(spot + 1).filter(|&first| first < end);
        let next = |&child: &usize| Some(self.0[child].after).filter(|&next| next < end);
        std::iter::successors(first, next).collect()
    }

    /// Where a member or element stands.
    pub(super) fn span(&self, spot: usize) -> Range<usize> {
        self.0[spot].start..self.0[spot].end
    }

    /// Where its value stands.
    pub(super) fn value(&self, spot: usize) -> Range<usize> {
        self.0[spot].value..self.0[spot].end
    }

    /// What stands between the key of a member and its value; `None` for an element.
    pub(super) fn colon<'t>(&self, text: &'t str, spot: usize) -> Option<&'t str> {
        let Spot { start, value, .. } = self.0[spot];
        let key_end = string_end(text.as_bytes(), start).filter(|&end| end < value)?;
        text.get(key_end..value)
    }
}

/// The end of the string that begins at a position.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut position = start + 1;
    loop {
        match bytes.get(position)? {
            b'"' => return Some(position + 1),
            b'\\' => position += 2,
            _ => position += 1,
        }
    }
}

/// The length of the number or word that bytes begin with.
fn bare_length(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte);
    let length = bytes.iter().position(ends).unwrap_or(bytes.len());
    length.max(1)
}
