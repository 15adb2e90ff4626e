//! From one text to another that holds a changed tree, touching only what changed.
//!
//! Empty lines, indentation, signs and quotes are those of the text. A comment that changes replaces
//! the lines it came from; one on the line of a key moves above it, where go-ini would write it.

use std::ops::Range;

use zeroize::Zeroizing;

use super::remark::{Remark, indentation, new_lines};
use super::sketch::{Key, Place, Section, Sketch, quote_of};
use super::write::{emit, quoted_key, quoted_value, reads_back};
use super::{DEFAULT, DELIMITERS};
use crate::alignment::{Step, align};
use crate::metadata::SOPS;
use crate::rewrite::{Rewrite, line_break};
use crate::tree::{Comment, Entry, Item, Mapping, Tree, Value};

/// Changes a text that holds the tree `old` into one that should hold `new`; `None` where that takes
/// more than replacing, adding and removing lines.
pub(crate) fn emit_like(text: &str, old: &Tree, new: &Tree) -> Option<Zeroizing<String>> {
    let ([old], [new]) = (old.documents.as_slice(), new.documents.as_slice()) else {
        return None;
    };
    let sketch = Sketch::of(text)?;
    let mut patch = Patch {
        rewrite: Rewrite::new(text),
        line_break: line_break(text),
    };
    patch.document(old, new, &sketch)?;
    patch.rewrite.finish()
}

struct Patch<'t> {
    rewrite: Rewrite<'t>,
    line_break: &'static str,
}

/// A key with its comment.
struct Line<'e> {
    entry: &'e Entry,
    comment: Option<&'e Comment>,
}

impl Patch<'_> {
    fn document(&mut self, old: &Mapping, new: &Mapping, sketch: &Sketch) -> Option<()> {
        let (old, new) = (sections(old)?, sections(new)?);
        if old.len() != sketch.sections.len() {
            return None;
        }
        let steps = align(&names(&old), &names(&new), |name| name == SOPS)?;
        let mut end =
            self.rewrite.text.len() - self.rewrite.text.trim_start_matches('\u{feff}').len();
        for step in steps {
            match step {
                Step::Keep(from, to) => {
                    let section = &sketch.sections[from];
                    self.section(old[from].1, new[to].1, section)?;
                    end = section.end();
                }
                Step::Remove(from) => {
                    self.remove_section(&sketch.sections[from])?;
                    end = sketch.sections[from].end();
                }
                Step::Insert(to) if new[to].0 == SOPS => {
                    self.append_section(new[to], sketch.trailing.as_ref())?;
                }
                Step::Insert(to) => {
                    let text = self.printed_section(new[to]);
                    let before = &self.rewrite.text[..end];
                    if !before.is_empty() && !before.ends_with('\n') {
                        self.rewrite.insert(end, self.line_break)?;
                    }
                    self.rewrite.insert(end, self.line_break)?;
                    self.rewrite.insert(end, &text)?;
                }
            }
        }
        Some(())
    }

    /// Takes a section away, with one empty line before it; at the end of a text, the line before it
    /// ends as the text did.
    fn remove_section(&mut self, section: &Section) -> Option<()> {
        let text = self.rewrite.text;
        let before = &text[..section.header.start()];
        let mut kept = before;
        if let Some(line) = before.strip_suffix('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            kept = if line.is_empty() || line.ends_with('\n') {
                line
            } else {
                before
            };
        }
        if section.end() == text.len() && !text.ends_with('\n') {
            kept = kept.strip_suffix('\n').unwrap_or(kept);
            kept = kept.strip_suffix('\r').unwrap_or(kept);
        }
        self.rewrite.remove(kept.len()..section.end())
    }

    /// Puts a section at the end. A comment there that belongs to nothing would become its own.
    fn append_section(
        &mut self,
        section: (&str, &Mapping),
        trailing: Option<&Range<usize>>,
    ) -> Option<()> {
        let text = self.rewrite.text;
        if let Some(comment) = trailing {
            self.rewrite.remove(comment.clone())?;
        }
        let printed = self.printed_section(section);
        let mut printed = printed.as_str();
        let end = text.len();
        if !text.is_empty() && !text.ends_with('\n') {
            self.rewrite.insert(end, self.line_break)?;
            printed = printed.strip_suffix(self.line_break).unwrap_or(printed);
        }
        self.rewrite.insert(end, self.line_break)?;
        self.rewrite.insert(end, printed)
    }

    fn printed_section(&self, (name, keys): (&str, &Mapping)) -> Zeroizing<String> {
        let mut document = Mapping::default();
        document.push(DEFAULT, Mapping::default());
        document.push(name, keys.clone());
        let documents = vec![document];
        let text = emit(&Tree { documents });
        let text = Zeroizing::new(String::from_utf8_lossy(&text).into_owned());
        match self.line_break {
            "\n" => text,
            line_break => Zeroizing::new(text.replace('\n', line_break)),
        }
    }

    fn section(&mut self, old: &Mapping, new: &Mapping, section: &Section) -> Option<()> {
        let (old_own, old) = lines(old);
        let (new_own, new) = lines(new);
        if old.len() != section.keys.len() {
            return None;
        }
        let is_gone = self.comment_above(old_own, new_own, &section.header, false)?;
        self.remove_inline(&section.header, is_gone)?;
        let steps = align(&keys(&old), &keys(&new), |_| false)?;
        let (mut end, mut like) = (section.header.lines.end, section.keys.first());
        for step in steps {
            match step {
                Step::Keep(from, to) => {
                    let key = &section.keys[from];
                    self.key(&old[from], &new[to], key)?;
                    (end, like) = (key.place.lines.end, Some(key));
                }
                Step::Remove(from) => {
                    let place = &section.keys[from].place;
                    self.rewrite.remove(place.start()..place.lines.end)?;
                    end = place.lines.end;
                }
                Step::Insert(to) => self.insert_key(&new[to], end, like)?,
            }
        }
        Some(())
    }

    fn key(&mut self, old: &Line<'_>, new: &Line<'_>, key: &Key) -> Option<()> {
        let (Value::Scalar(before), Value::Scalar(after)) = (&old.entry.value, &new.entry.value)
        else {
            return None;
        };
        let value = if before.flat_text() == after.flat_text() {
            None
        } else {
            let old = &self.rewrite.text[key.value.clone()];
            Some(value_like(old, &after.flat_text())?)
        };
        // Behind quotes that close on their own line go-ini sees no comment.
        let hides = |value: &Zeroizing<String>| quote_of(value).is_some() && !value.contains('\n');
        let moves = value.as_ref().is_some_and(hides) && key.place.inline.is_some();
        let is_gone = self.comment_above(old.comment, new.comment, &key.place, moves)?;
        if let Some(value) = value {
            self.rewrite.replace(key.value.clone(), &value)?;
        }
        self.remove_inline(&key.place, is_gone)
    }

    /// Changes the lines above a key or a header; tells whether a comment on its own line has gone
    /// there, or is gone.
    fn comment_above(
        &mut self,
        old: Option<&Comment>,
        new: Option<&Comment>,
        place: &Place,
        moves: bool,
    ) -> Option<bool> {
        let is_same = match (old, new) {
            (Some(old), Some(new)) => old.text == new.text,
            (old, new) => old.is_none() && new.is_none(),
        };
        if is_same && !moves {
            return Some(false);
        }
        let source = self.rewrite.text;
        match (new, &place.above) {
            (None, None) => {}
            (None, Some(above)) => self.rewrite.remove(above.clone())?,
            (Some(comment), Some(above)) => {
                let remark = Remark::at(source, above);
                let text = remark.like(&comment.text);
                self.rewrite.replace(remark.span, &text)?;
            }
            (Some(comment), None) => {
                let start = place.lines.start;
                let inline = place.inline.clone().unwrap_or_default();
                let sign = source[inline].trim_start().chars().next().unwrap_or(';');
                let indentation = indentation(&source[start..place.lines.end]);
                let lines = new_lines(&comment.text, indentation, sign, self.line_break);
                self.rewrite.insert(start, &lines)?;
            }
        }
        Some(true)
    }

    fn remove_inline(&mut self, place: &Place, is_gone: bool) -> Option<()> {
        match &place.inline {
            Some(inline) if is_gone => self.rewrite.remove(inline.clone()),
            _ => Some(()),
        }
    }

    /// Puts a key on a line of its own, with the sign and the spaces of another.
    fn insert_key(&mut self, new: &Line<'_>, end: usize, like: Option<&Key>) -> Option<()> {
        let text = self.rewrite.text;
        let head = like.map_or("", |key| &text[key.head.clone()]);
        let indentation = indentation(head);
        let sign = head.rfind(DELIMITERS);
        let (name, behind) = sign.map_or(("", " = "), |sign| head.split_at(sign));
        let printed = quoted_key(&new.entry.key);
        let white = name.len() - name.trim_end().len();
        let padding = match white {
            0 | 1 => white,
            _ => name.trim_start().len().saturating_sub(printed.len()).max(1),
        };
        let Value::Scalar(scalar) = &new.entry.value else {
            return None;
        };
        let value = quoted_value(&scalar.flat_text());
        let value = std::str::from_utf8(&value).ok()?;
        let mut out = Zeroizing::new(String::new());
        let begins_line = text[..end].is_empty() || text[..end].ends_with(['\n', '\u{feff}']);
        if !begins_line {
            out.push_str(self.line_break);
        }
        if let Some(comment) = new.comment {
            out.push_str(&new_lines(&comment.text, indentation, ';', self.line_break));
        }
        for part in [indentation, &printed, &" ".repeat(padding), behind, value] {
            out.push_str(part);
        }
        if begins_line {
            out.push_str(self.line_break);
        }
        self.rewrite.insert(end, &out)
    }
}

fn sections(document: &Mapping) -> Option<Vec<(&str, &Mapping)>> {
    let sections = document.entries().map(|section| match &section.value {
        Value::Mapping(keys) => Some((section.key.as_str(), keys)),
        _ => None,
    });
    sections.collect()
}

fn names<'e>(sections: &[(&'e str, &Mapping)]) -> Vec<Option<&'e str>> {
    sections.iter().map(|(name, _)| Some(*name)).collect()
}

/// The comment of a section, and its keys with theirs, which follow them in the tree.
fn lines(section: &Mapping) -> (Option<&Comment>, Vec<Line<'_>>) {
    let (mut own, mut lines): (_, Vec<Line<'_>>) = (None, Vec::new());
    for item in &section.items {
        match item {
            Item::Entry(entry) => lines.push(Line {
                entry,
                comment: None,
            }),
            Item::Comment(comment) => match lines.last_mut() {
                Some(line) => line.comment = Some(comment),
                None => own = Some(comment),
            },
        }
    }
    (own, lines)
}

fn keys<'e>(lines: &[Line<'e>]) -> Vec<Option<&'e str>> {
    let keys = lines.iter().map(|line| Some(line.entry.key.as_str()));
    keys.collect()
}

/// Writes a value with the quotes that it had, if it can be.
fn value_like(old: &str, value: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(value).ok()?;
    let quote = ["\"\"\"", "`", "\"", "'"].into_iter().find(|quote| {
        old.len() >= 2 * quote.len() && old.starts_with(quote) && old.ends_with(quote)
    });
    let quote = quote.unwrap_or_default();
    let same = Zeroizing::new(format!("{quote}{text}{quote}"));
    if reads_back(&same, text) {
        return Some(same);
    }
    String::from_utf8(quoted_value(value).to_vec())
        .ok()
        .map(Zeroizing::new)
}
