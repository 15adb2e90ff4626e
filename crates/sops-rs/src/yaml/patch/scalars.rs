//! Scalars and comments in their places, and values written anew.

use zeroize::Zeroizing;

use super::{Patch, Siblings, value_text};
use crate::tree::{Comment, Value};
use crate::yaml::inline::{self, Context};
use crate::yaml::parse::Quoting;
use crate::yaml::sketch::{Node, Slot};
use crate::yaml::splice::indented;
use crate::yaml::writer::single_quoted;

impl Patch<'_, '_> {
    pub(super) fn scalar(&mut self, new: &Value, event: usize) -> Option<bool> {
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
            Some(single_quoted(new.as_str()?))
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
    pub(super) fn block_scalar(&mut self, new: &Value, event: usize) -> bool {
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
    pub(super) fn replace_value(
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

    pub(super) fn comment(&mut self, slot: &Slot, new: &Comment) -> Option<()> {
        let Slot::Comment(event) = slot else {
            return None;
        };
        let span = self.places.comment(*event)?;
        self.splices.replace(span, &format!("#{}", *new.text));
        Some(())
    }
}

fn is_encrypted(value: &Value) -> bool {
    value.as_str().is_some_and(crate::cipher::is_encrypted)
}
