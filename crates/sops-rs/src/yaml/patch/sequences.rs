//! Lists: what both begin and end with stays, the middle is replaced one by one, or is new or gone.

use zeroize::Zeroizing;

use super::{Patch, Siblings, value_text};
use crate::tree::{Element, Value};
use crate::yaml::inline::{self, Context};
use crate::yaml::sketch::Slot;

impl<'e> Patch<'_, 'e> {
    pub(super) fn sequence(
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

pub(super) fn has_values(elements: &[Element]) -> bool {
    elements
        .iter()
        .any(|element| matches!(element, Element::Value(_)))
}
