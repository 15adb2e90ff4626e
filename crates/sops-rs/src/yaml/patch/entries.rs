//! What comes to a container and what goes from it.

use super::{Patch, Siblings, entry_text};
use crate::tree::Entry;
use crate::yaml::inline::{self, Context};
use crate::yaml::sketch::Slot;
use crate::yaml::splice::indented;

impl Patch<'_, '_> {
    pub(super) fn insert_entry(&mut self, entry: &Entry, siblings: &mut Siblings) -> Option<()> {
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
    pub(super) fn insert_lines(&mut self, place: usize, text: &str, column: usize) {
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

    pub(super) fn remove_entry(
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
}
