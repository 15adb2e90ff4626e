//! From one text to another that holds a changed tree, touching only what changed.
//!
//! What people wrote keeps its comments, empty lines, quoting and flow style. Whatever cannot be
//! expressed that way is given up on, never guessed: the result is read again and compared with
//! the tree it must hold.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::emit::emit;
use super::inline::{self, Context};
use super::load::load;
use super::parse::Quoting;
use super::places::Places;
use super::sketch::{Node, Root, Sketch, Slot};
use super::splice::{Splices, indented};
use crate::tree::{Comment, Element, Entry, Item, Mapping, Tree, Value};

/// The reserved key, whose value is replaced as a whole.
const SOPS: &str = "sops";

/// Changes a text that holds the tree `old` into one that holds `new`; `None` where that takes
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
    load(&out).ok()?.is_same_as(new).then_some(out)
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

    fn scalar(&mut self, new: &Value, event: usize) -> Option<bool> {
        let Value::Scalar(scalar) = new else {
            return Some(false);
        };
        let Some(place) = self.places.scalar(event) else {
            return Some(false);
        };
        let context = self.places.context_of(event);
        let quoting = match (place.quoting, context) {
            // Plain text with brackets in it would end the value here; its quotes can go again.
            (Quoting::Plain, Context::Flow) if is_encrypted(new) => Quoting::Single,
            (Quoting::Single, Context::Flow) if !is_encrypted(new) => Quoting::Plain,
            (quoting, _) => quoting,
        };
        let printed = if quoting == Quoting::Single && context == Context::Flow {
            Some(super::writer::single_quoted(new.as_str()?))
        } else {
            inline::scalar(scalar, quoting, context)
        };
        let Some(printed) = printed else {
            return Some(self.block_scalar(new, event));
        };
        if let Some(tag) = place.wrong_tag {
            self.splices.replace(tag, "");
        }
        self.splices.replace(place.head, &printed);
        if let Some(body) = place.body {
            self.splices.replace(body, "");
        }
        Some(true)
    }

    /// A text of several lines in place of one of one line: the header goes to its place, the
    /// lines below it.
    fn block_scalar(&mut self, new: &Value, event: usize) -> bool {
        let Some(place) = self.places.scalar(event) else {
            return false;
        };
        let Some(column) = self.places.container_column(event) else {
            return false;
        };
        let text = value_text(new, self.indent);
        let Some((header, body)) = text.split_once('\n') else {
            return false;
        };
        let header = header.trim_start();
        if !header.starts_with('|') || place.wrong_tag.is_some() {
            return false;
        }
        let body = indented(body.strip_suffix('\n').unwrap_or(body), column);
        self.splices.replace(place.head.clone(), header);
        let body = format!("\n{}", *body);
        let below = place.body.unwrap_or_else(|| {
            let end = self.splices.line_end(place.head.end);
            end..end
        });
        self.splices.replace(below, &body);
        true
    }

    /// Writes a value anew behind its key.
    fn replace_value(
        &mut self,
        new: &Value,
        (key, node): (Option<usize>, &Node),
        siblings: &Siblings,
    ) -> Option<()> {
        let span = self.places.value_span(node, key)?;
        if siblings.context == Context::Flow {
            let text = inline::value(new)?;
            self.splices.replace(span, &format!(" {}", *text));
            return Some(());
        }
        let text = value_text(new, self.indent);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let (head, body) = text.split_once('\n').unwrap_or((text, ""));
        let mut out = Zeroizing::new(head.trim_end().to_owned());
        if !body.is_empty() {
            out.push('\n');
            out.push_str(&indented(body, siblings.column));
        }
        self.splices.replace(span, &out);
        Some(())
    }

    fn comment(&mut self, slot: &Slot, new: &Comment) -> Option<()> {
        let Slot::Comment(event) = slot else {
            return None;
        };
        let span = self.places.comment(*event)?;
        self.splices.replace(span, &format!("#{}", *new.text));
        Some(())
    }

    fn insert_entry(&mut self, entry: &Entry, siblings: &mut Siblings) -> Option<()> {
        let end = siblings.end?;
        match siblings.context {
            Context::Flow => {
                let text = inline::entry(&entry.key, &entry.value)?;
                self.splices.replace(end..end, &format!(", {}", *text));
            }
            Context::Block => {
                let text = entry_text(entry, self.indent);
                self.insert_lines(end, &text, siblings.column);
            }
        }
        Some(())
    }

    /// Puts lines after the one that a place is in.
    fn insert_lines(&mut self, place: usize, text: &str, column: usize) {
        let lines = indented(text, column);
        let next = self.splices.next_line(place);
        let before = &self.splices.text[..next];
        if before.is_empty() || before.ends_with('\n') {
            self.splices.replace(next..next, &lines);
        } else {
            // The last line of the file has no end.
            self.splices.replace(next..next, &format!("\n{}", *lines));
        }
    }

    fn remove_entry(
        &mut self,
        slot: &Slot,
        all: &[Slot],
        before: Option<&Slot>,
        siblings: &Siblings,
    ) -> Option<()> {
        let Slot::Node { key, node } = slot else {
            return None;
        };
        let start = match key {
            Some(key) => self.places.with_properties(*key).start,
            None if siblings.context == Context::Block => self.places.dash(node)?,
            None => self.places.with_properties(node.first_event()).start,
        };
        let end = self.places.slot_end(slot);
        match (siblings.context, siblings.end) {
            (Context::Flow, Some(previous)) => {
                self.splices.replace(previous..end, "");
                return Some(());
            }
            (Context::Block, _) if self.splices.before_on_line(start).trim().is_empty() => {
                // A comment on the line stays, and has the line to itself.
                if let Some(comment) = self.places.comment_after(before, end) {
                    self.splices.replace(start..comment, "");
                } else {
                    let lines = self.splices.line_start(start)..self.splices.next_line(end);
                    self.splices.replace(lines, "");
                }
                return Some(());
            }
            _ => {}
        }
        // The first one behind a dash or a brace: the next one takes its place.
        let first = key.unwrap_or_else(|| node.first_event());
        let next = all.iter().find(|other| other.first_event() > first)?;
        let Slot::Node { key, node } = next else {
            return None;
        };
        let next = self
            .places
            .with_properties(key.unwrap_or_else(|| node.first_event()));
        self.splices.replace(start..next.start, "");
        Some(())
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

impl<'e> Patch<'_, 'e> {
    fn sequence(
        &mut self,
        old: &[Element],
        new: &'e [Element],
        slots: &[Slot],
        start: usize,
    ) -> Option<bool> {
        let mut siblings = Siblings {
            context: self.places.context(start),
            column: 0,
            end: None,
        };
        if siblings.context == Context::Block {
            siblings.column = self.places.dash_column(slots)?;
        }
        // What both begin and end with stays; the middle is replaced one by one, or is new or gone.
        let (mut from, mut rest) = (0, 0);
        if old.len() != new.len() {
            let same = |(old, new): &(&Element, &Element)| is_same(old, new);
            from = old.iter().zip(new).take_while(same).count();
            let (old, new) = (&old[from..], &new[from..]);
            let backwards = old.iter().rev().zip(new.iter().rev());
            rest = backwards.take_while(same).count();
        }
        let middle = (&old[from..old.len() - rest], &new[from..new.len() - rest]);
        self.unchanged(&new[..from], &slots[..from]);
        self.unchanged(&new[new.len() - rest..], &slots[old.len() - rest..]);
        let ends = slots[..from].iter().map(|slot| self.places.slot_end(slot));
        siblings.end = ends.max();
        let (all, slots) = (slots, &slots[from..old.len() - rest]);
        match middle {
            (old, new) if old.len() == new.len() => {
                for (position, (old, new)) in old.iter().zip(new).enumerate() {
                    if !self.element(old, new, &slots[position..], &siblings)? {
                        return Some(false);
                    }
                }
            }
            ([], new) => {
                for element in new {
                    self.insert_element(element, &mut siblings)?;
                }
            }
            (_, []) => {
                for slot in slots {
                    self.remove_entry(slot, all, None, &siblings)?;
                }
            }
            _ => return Some(false),
        }
        Some(true)
    }

    fn unchanged(&mut self, elements: &'e [Element], slots: &[Slot]) {
        for (element, slot) in elements.iter().zip(slots) {
            if let (Element::Value(value), Slot::Node { node, .. }) = (element, slot) {
                self.remember_aliases(value, node);
            }
        }
    }

    fn element(
        &mut self,
        old: &Element,
        new: &'e Element,
        slots: &[Slot],
        siblings: &Siblings,
    ) -> Option<bool> {
        let slot = slots.first()?;
        match (old, new, slot) {
            (Element::Comment(old), Element::Comment(new), _) => {
                if old.text != new.text {
                    self.comment(slot, new)?;
                }
                Some(true)
            }
            (Element::Value(old), Element::Value(new), Slot::Node { node, .. }) => {
                self.value(old, new, node)
            }
            (Element::Comment(_), Element::Value(new), Slot::Comment(event)) => {
                self.comment_to_element(*event, new, slots, siblings)
            }
            (Element::Value(_), Element::Comment(new), Slot::Node { node, .. }) => {
                if siblings.context == Context::Flow {
                    return None;
                }
                let part = self.places.dash(node)?..self.places.slot_end(slot);
                self.splices.replace(part, &format!("#{}", *new.text));
                Some(true)
            }
            _ => None,
        }
    }

    /// An encrypted comment of a list is an element of its own.
    fn comment_to_element(
        &mut self,
        event: usize,
        new: &Value,
        slots: &[Slot],
        siblings: &Siblings,
    ) -> Option<bool> {
        let span = self.places.comment(event)?;
        let text = new.as_str()?;
        if siblings.context == Context::Flow {
            return None;
        }
        let spaces = " ".repeat(siblings.column);
        let before = self.splices.before_on_line(span.start);
        if before.trim().is_empty() {
            let part = self.splices.line_start(span.start)..span.end;
            self.splices.replace(part, &format!("{spaces}- {text}"));
            return Some(true);
        }
        // A comment behind an element stands before it in the tree.
        let next = slots.iter().find_map(|slot| match slot {
            Slot::Node { node, .. } => Some(node),
            Slot::Comment(_) => None,
        });
        let dash = self.places.dash(next?)?;
        let line = self.splices.line_start(dash);
        if !self.splices.text[line..dash].trim().is_empty() {
            return None;
        }
        self.splices
            .replace(line..line, &format!("{spaces}- {text}\n"));
        let white = before.len() - before.trim_end().len();
        self.splices.replace(span.start - white..span.end, "");
        Some(true)
    }

    fn insert_element(&mut self, element: &Element, siblings: &mut Siblings) -> Option<()> {
        let end = siblings.end?;
        match (element, siblings.context) {
            (Element::Value(value), Context::Flow) => {
                let text = inline::value(value)?;
                self.splices.replace(end..end, &format!(", {}", *text));
            }
            (Element::Value(value), Context::Block) => {
                let list = Value::from(vec![value.clone()]);
                let text = value_text(&list, self.indent);
                let text = text.trim_start_matches('\n');
                let step = " ".repeat(self.indent);
                let mut lines = Zeroizing::new(String::new());
                for line in text.split_inclusive('\n') {
                    lines.push_str(line.strip_prefix(&step).unwrap_or(line));
                }
                self.insert_lines(end, &lines, siblings.column);
            }
            (Element::Comment(_), _) => return None,
        }
        Some(())
    }
}

fn is_same(old: &Element, new: &Element) -> bool {
    match (old, new) {
        (Element::Comment(old), Element::Comment(new)) => old.text == new.text,
        (Element::Value(old), Element::Value(new)) => old.is_same_as(new),
        _ => false,
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

fn has_values(elements: &[Element]) -> bool {
    elements
        .iter()
        .any(|element| matches!(element, Element::Value(_)))
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Mapping(mapping) => mapping.entries().map(|entry| &entry.value).collect(),
        Value::Sequence(_) => value.elements().into_iter().flatten().collect(),
        Value::Null | Value::Scalar(_) => Vec::new(),
    }
}

fn is_encrypted(value: &Value) -> bool {
    value.as_str().is_some_and(crate::cipher::is_encrypted)
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
