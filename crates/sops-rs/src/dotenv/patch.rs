//! From one text to another that holds a changed tree, line by line.
//!
//! Line breaks stand between lines, so that a text without one at its end gets none; what is
//! reserved goes to the end, behind all empty lines, and can be taken away again.

use zeroize::Zeroizing;

use super::text::print_item;
use crate::alignment::{Step, align};
use crate::metadata::DOTENV_PREFIX;
use crate::tree::{Item, Tree, Value};

/// Changes a text that holds the tree `old` into one that should hold `new`; `None` where that takes
/// more than changing, adding and removing lines.
pub(crate) fn emit_like(text: &str, old: &Tree, new: &Tree) -> Option<Zeroizing<String>> {
    let (old, new) = (items(old)?, items(new)?);
    let is_reserved = |key: &str| key.starts_with(DOTENV_PREFIX);
    let steps = align(&names(old), &names(new), is_reserved)?;
    let ends_with_break = text.ends_with('\n');
    let lines = text.strip_suffix('\n').unwrap_or(text);
    let mut patch = Patch {
        lines: lines.split('\n').peekable(),
        out: Zeroizing::new(Vec::with_capacity(text.len())),
        is_first: true,
    };
    for step in steps {
        match step {
            Step::Keep(from, to) => {
                let line = patch.next_line()?;
                if is_same(&old[from], &new[to]) {
                    patch.push(line);
                } else {
                    patch.print(&new[to]);
                }
            }
            Step::Remove(_) => {
                patch.next_line()?;
            }
            Step::Insert(to) => {
                let key = name(&new[to]);
                if key.is_some_and(is_reserved) {
                    patch.keep_empty_lines();
                }
                patch.print(&new[to]);
            }
        }
    }
    patch.keep_empty_lines();
    if ends_with_break && !patch.is_first {
        patch.out.push(b'\n');
    }
    let text = String::from_utf8(std::mem::take(&mut *patch.out)).ok()?;
    Some(Zeroizing::new(text))
}

struct Patch<'t> {
    lines: std::iter::Peekable<std::str::Split<'t, char>>,
    out: Zeroizing<Vec<u8>>,
    is_first: bool,
}

impl<'t> Patch<'t> {
    /// Takes the next line that counts; the empty ones before it stay.
    fn next_line(&mut self) -> Option<&'t str> {
        self.keep_empty_lines();
        self.lines.next()
    }

    fn keep_empty_lines(&mut self) {
        while self.lines.next_if(|line| line.is_empty()).is_some() {
            self.push("");
        }
    }

    fn push(&mut self, line: &str) {
        self.begin_line();
        self.out.extend_from_slice(line.as_bytes());
    }

    fn print(&mut self, item: &Item) {
        self.begin_line();
        print_item(item, &mut self.out);
    }

    fn begin_line(&mut self) {
        if !self.is_first {
            self.out.push(b'\n');
        }
        self.is_first = false;
    }
}

fn items(tree: &Tree) -> Option<&[Item]> {
    match tree.documents.as_slice() {
        [document] => Some(&document.items),
        _ => None,
    }
}

fn names(items: &[Item]) -> Vec<Option<&str>> {
    items.iter().map(name).collect()
}

fn name(item: &Item) -> Option<&str> {
    match item {
        Item::Comment(_) => None,
        Item::Entry(entry) => Some(&entry.key),
    }
}

fn is_same(old: &Item, new: &Item) -> bool {
    match (old, new) {
        (Item::Comment(old), Item::Comment(new)) => old.text == new.text,
        (Item::Entry(old), Item::Entry(new)) => match (&old.value, &new.value) {
            (Value::Scalar(old), Value::Scalar(new)) => old.flat_text() == new.flat_text(),
            _ => false,
        },
        _ => false,
    }
}
