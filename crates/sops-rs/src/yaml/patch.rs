//! From one text to another that holds a changed tree, touching only what changed.
//!
//! What people wrote keeps its comments, empty lines, quoting and flow style. Whatever cannot be
//! expressed that way is given up on, never guessed: whoever asks reads the result again and compares
//! it with the tree it must hold.

mod entries;
mod scalars;
mod sequences;

use std::collections::BTreeSet;

use sequences::has_values;
use zeroize::Zeroizing;

use super::emit::emit;
use super::inline::{self, Context};
use super::places::Places;
use super::sketch::{Node, Root, Sketch, Slot};
use super::splice::Splices;
use crate::metadata::SOPS;
use crate::tree::{Comment, Entry, Item, Mapping, Tree, Value};

/// Changes a text that holds the tree `old` into one that should hold `new`; `None` where that takes
/// more than replacing, adding and removing values.
pub(crate) fn emit_like(
    text: &str,
    old: &Tree,
    new: &Tree,
    indent: usize,
) -> Option<Zeroizing<String>> {
    let stripped = text.strip_prefix('\u{feff}').unwrap_or(text);
    let sketch = Sketch::of(stripped).ok()?;
    let same_shape = sketch.documents.len() == old.documents.len();
    if !same_shape || old.documents.len() != new.documents.len() {
        return None;
    }
    let mut patch = Patch {
        places: Places::new(stripped, &sketch.events),
        splices: Splices::new(stripped),
        indent,
        aliases: Vec::new(),
    };
    let documents = old.documents.iter().zip(&new.documents);
    for ((old, new), root) in documents.zip(&sketch.documents) {
        patch.document(old, new, root)?;
    }
    patch.expand_aliases()?;
    let mut out = patch.splices.apply()?;
    if stripped.len() < text.len() {
        out.insert(0, '\u{feff}');
    }
    Some(out)
}

struct Patch<'t, 'e> {
    places: Places<'t, 'e>,
    splices: Splices<'t>,
    indent: usize,
    /// Aliases that may stay if what they refer to stays.
    aliases: Vec<(usize, &'e Value)>,
}

/// Where the last thing ends that stays, and how its siblings are written.
struct Siblings {
    context: Context,
    column: usize,
    /// The end of what stands before; `None` at the start of the container.
    end: Option<usize>,
}

impl<'e> Patch<'_, 'e> {
    fn document(&mut self, old: &Mapping, new: &'e Mapping, root: &Root) -> Option<()> {
        if let Some(start) = root.start
            && old.entries().next().is_some()
        {
            return self.mapping(old, new, &root.items, start);
        }
        // A document without entries: what is new goes to its end.
        let same = old.items.len() == comments(new).count();
        let flow = root.start.is_some_and(|start| self.places.is_flow(start));
        if !same || flow {
            return (old.is_same_as(new)).then_some(());
        }
        let end = self.places.document_end(root.end);
        for entry in new.entries() {
            self.insert_lines(end, &entry_text(entry, self.indent), 0);
        }
        for (slot, comment) in root.items.iter().zip(comments(new)) {
            self.comment(slot, comment)?;
        }
        Some(())
    }

    fn mapping(
        &mut self,
        old: &Mapping,
        new: &'e Mapping,
        slots: &[Slot],
        start: usize,
    ) -> Option<()> {
        new.entries().next()?;
        let keys = |mapping: &'e Mapping| mapping.entries().map(|entry| entry.key.as_str());
        let (mut had, mut has) = (BTreeSet::new(), BTreeSet::new());
        if !same_keys(old, new) {
            had.extend(old.entries().map(|entry| entry.key.as_str()));
            has.extend(keys(new));
        }
        let mut siblings = Siblings {
            context: self.places.context(start),
            column: self.places.key_column(start, slots)?,
            end: None,
        };
        let mut olds = old.items.iter().zip(slots).peekable();
        let mut before = None;
        for item in &new.items {
            if let Item::Entry(entry) = item
                && !had.is_empty()
                && !had.contains(entry.key.as_str())
            {
                self.insert_entry(entry, &mut siblings)?;
                continue;
            }
            // What is no longer there goes, with the comment on its line.
            while let Some((Item::Entry(gone), slot)) = olds.peek()
                && !has.is_empty()
                && !has.contains(gone.key.as_str())
            {
                self.remove_entry(slot, slots, before, &siblings)?;
                olds.next();
            }
            let (old, slot) = olds.next()?;
            before = Some(slot);
            match (old, item) {
                (Item::Comment(old), Item::Comment(new)) => {
                    if old.text != new.text {
                        self.comment(slot, new)?;
                    }
                    siblings.end = siblings.end.max(Some(self.places.slot_end(slot)));
                }
                (Item::Entry(old), Item::Entry(new)) if old.key == new.key => {
                    let Slot::Node { node, key } = slot else {
                        return None;
                    };
                    let whole = new.key == SOPS && !old.value.is_same_as(&new.value);
                    let mark = self.splices.mark();
                    if whole || !self.value(&old.value, &new.value, node)? {
                        self.splices.undo(mark);
                        let place = (*key, node);
                        self.replace_value(&new.value, place, &siblings)?;
                    }
                    siblings.end = siblings.end.max(Some(self.places.slot_end(slot)));
                }
                _ => return None,
            }
        }
        for (old, slot) in olds {
            match old {
                Item::Entry(entry) if !has.is_empty() && !has.contains(entry.key.as_str()) => {
                    self.remove_entry(slot, slots, before, &siblings)?;
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// Changes a value in its place; false if it must be written anew.
    fn value(&mut self, old: &Value, new: &'e Value, node: &Node) -> Option<bool> {
        match node {
            Node::Leaf(event) if self.places.is_alias(*event) => {
                if old.is_same_as(new) {
                    self.aliases.push((*event, new));
                } else {
                    let span = self.places.span(*event);
                    self.splices.replace(span, &inline::value(new)?);
                }
                Some(true)
            }
            _ if old.is_same_as(new) => {
                self.remember_aliases(new, node);
                Some(true)
            }
            Node::Leaf(event) => match (old, new) {
                (Value::Scalar(_), Value::Scalar(_)) => self.scalar(new, *event),
                _ => Some(false),
            },
            Node::Container { start, slots, .. } => match (old, new) {
                (Value::Mapping(old), Value::Mapping(new))
                    if old.entries().next().is_some() && new.entries().next().is_some() =>
                {
                    self.mapping(old, new, slots, *start).map(|()| true)
                }
                (Value::Sequence(old), Value::Sequence(new)) if has_values(new) => {
                    self.sequence(old, new, slots, *start)
                }
                _ => Some(false),
            },
        }
    }

    /// Aliases inside of what stays as it is.
    fn remember_aliases(&mut self, value: &'e Value, node: &Node) {
        match node {
            Node::Leaf(event) if self.places.is_alias(*event) => {
                self.aliases.push((*event, value));
            }
            Node::Leaf(_) => {}
            Node::Container { slots, .. } => {
                let nodes = slots.iter().filter_map(|slot| match slot {
                    Slot::Node { node, .. } => Some(node),
                    Slot::Comment(_) => None,
                });
                for (value, node) in children(value).into_iter().zip(nodes) {
                    self.remember_aliases(value, node);
                }
            }
        }
    }

    fn expand_aliases(&mut self) -> Option<()> {
        for (event, value) in std::mem::take(&mut self.aliases) {
            let target = self.places.anchored(event)?;
            if self.splices.touches(&target) {
                let span = self.places.span(event);
                self.splices.replace(span, &inline::value(value)?);
            }
        }
        Some(())
    }
}

fn same_keys(old: &Mapping, new: &Mapping) -> bool {
    old.items.len() == new.items.len()
        && old
            .entries()
            .map(|entry| &entry.key)
            .eq(new.entries().map(|entry| &entry.key))
}

fn comments(mapping: &Mapping) -> impl Iterator<Item = &Comment> {
    mapping.items.iter().filter_map(|item| match item {
        Item::Comment(comment) => Some(comment),
        Item::Entry(_) => None,
    })
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Mapping(mapping) => mapping.entries().map(|entry| &entry.value).collect(),
        Value::Sequence(_) => value.elements().into_iter().flatten().collect(),
        Value::Null | Value::Scalar(_) => Vec::new(),
    }
}

/// An entry as the emitter prints it at the top level.
fn entry_text(entry: &Entry, indent: usize) -> Zeroizing<String> {
    let mut mapping = Mapping::default();
    mapping.push(entry.key.as_str(), entry.value.clone());
    let documents = vec![mapping];
    emit(&Tree { documents }, indent)
}

/// What the emitter prints after a key at the top level and its colon.
fn value_text(value: &Value, indent: usize) -> Zeroizing<String> {
    let key = "k".to_owned();
    let value = value.clone();
    let text = entry_text(&Entry { key, value }, indent);
    Zeroizing::new(text.strip_prefix("k:").unwrap_or(&text).to_owned())
}
