//! From a tree to YAML text, laid out as `sops` would.

use zeroize::Zeroizing;

use super::scalar_style::{Printed, Style};
use super::writer::{Registers, Writer};
use crate::tree::{Comment, Element, Item, Mapping, Tree, Value};

/// A simple key is at most this long, in bytes.
const SIMPLE_KEY: usize = 128;

/// Prints a tree, indented by so many spaces.
pub(crate) fn emit(tree: &Tree, indent: usize) -> Zeroizing<String> {
    let mut emitter = Emitter(Writer::new(indent));
    for (position, document) in tree.documents.iter().enumerate() {
        if position > 0 {
            emitter.0.document_marker();
        }
        emitter.document(document);
    }
    emitter.0.end_stream();
    emitter.0.out
}

/// The comments of a node, as text with `#` and newlines.
#[derive(Default)]
struct Notes {
    head: String,
    line: String,
    foot: String,
}

struct Emitter(Writer);

/// What holds a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Document,
    Mapping,
    Sequence,
}

impl Emitter {
    fn document(&mut self, mapping: &Mapping) {
        self.load_start(mapping_head(mapping));
        self.0.head_comment();
        self.0.line_comment();
        self.0.foot_comment();
        self.mapping(mapping, Within::Document, Notes::default());
        self.0.end_document();
    }

    fn load_start(&mut self, head: String) {
        Registers::load(&mut self.0.comments.head, head);
    }

    fn load_end(&mut self, notes: Notes) {
        Registers::load(&mut self.0.comments.line, notes.line);
        Registers::load(&mut self.0.comments.foot, notes.foot);
    }

    /// Everything of a mapping after its start.
    fn mapping(&mut self, mapping: &Mapping, within: Within, notes: Notes) {
        let entries = mapping.entries().count();
        if entries == 0 {
            return self.empty("{", "}", notes);
        }
        let outer = self.0.deeper(within == Within::Sequence, false);
        let mut comments = Comments::default();
        let mut started = false;
        for item in &mapping.items {
            match item {
                Item::Comment(comment) => comments.take(comment),
                Item::Entry(entry) => {
                    // The comments before the first entry were the mapping's own.
                    let head = comments.take_head(!started);
                    started = true;
                    self.entry(&entry.key, &entry.value, head, comments.take_inline());
                }
            }
        }
        Registers::load(&mut self.0.comments.tail, comments.rest());
        self.load_end(notes);
        self.0.head_comment();
        self.0.indent = outer;
    }

    fn entry(&mut self, key: &str, value: &Value, head: String, line: String) {
        self.load_start(head);
        self.0.head_comment();
        self.0.write_indent();
        if !self.0.comments.line.is_empty() {
            self.0.comments.key_line = std::mem::take(&mut self.0.comments.line);
        }
        let mut printed = Printed::of_str(key);
        let simple = !printed.multiline && printed.text.len() <= SIMPLE_KEY;
        if simple {
            if printed.text.is_empty() && printed.style == Style::Plain {
                printed.style = Style::Single;
            }
            self.0.scalar(&printed, false);
            self.0.indicator(":", false, false, false);
        } else {
            self.0.indicator("?", true, false, true);
            self.0.scalar(&printed, false);
            self.0.write_indent();
            self.0.indicator(":", true, false, true);
        }
        self.node(
            value,
            Within::Mapping,
            Notes {
                line,
                ..Notes::default()
            },
        );
    }

    fn sequence(&mut self, elements: &[Element], within: Within, notes: Notes) {
        let last = elements
            .iter()
            .rposition(|element| matches!(element, Element::Value(_)));
        let Some(last) = last else {
            return self.empty("[", "]", notes);
        };
        let outer = self.0.deeper(within == Within::Sequence, false);
        let mut comments = Comments::default();
        let mut started = false;
        for (position, element) in elements.iter().enumerate() {
            match element {
                Element::Comment(comment) => comments.take(comment),
                Element::Value(value) => {
                    let head = comments.take_head(!started);
                    started = true;
                    let line = comments.take_inline();
                    let foot = if position == last {
                        trailing(&elements[position + 1..])
                    } else {
                        String::new()
                    };
                    self.item(value, Notes { head, line, foot });
                }
            }
        }
        self.load_end(notes);
        self.0.indent = outer;
    }

    fn item(&mut self, value: &Value, notes: Notes) {
        let mut head = notes.head;
        let own = own_head(value);
        if !own.is_empty() {
            if !head.is_empty() {
                head.push('\n');
            }
            head.push_str(&own);
        }
        self.load_start(head);
        self.0.head_comment();
        self.0.write_indent();
        self.0.indicator("-", true, false, true);
        self.node(
            value,
            Within::Sequence,
            Notes {
                head: String::new(),
                ..notes
            },
        );
    }

    /// A value in its place, with the comments that follow its first line.
    fn node(&mut self, value: &Value, within: Within, notes: Notes) {
        let in_sequence = within == Within::Sequence;
        match value {
            Value::Null => self.scalar(&Printed::null(), in_sequence, notes),
            Value::Scalar(scalar) => self.scalar(&Printed::of_scalar(scalar), in_sequence, notes),
            Value::Mapping(_) | Value::Sequence(_) => {
                if within == Within::Mapping {
                    self.load_start(own_head(value));
                    self.key_line_comment();
                }
                self.0.line_comment();
                self.0.foot_comment();
                match value {
                    Value::Mapping(mapping) => self.mapping(mapping, within, notes),
                    Value::Sequence(elements) => self.sequence(elements, within, notes),
                    Value::Null | Value::Scalar(_) => {}
                }
            }
        }
    }

    fn scalar(&mut self, printed: &Printed, in_sequence: bool, notes: Notes) {
        self.load_end(notes);
        if !in_sequence && self.0.comments.line.is_empty() {
            self.0.comments.line = std::mem::take(&mut self.0.comments.key_line);
        }
        self.0.scalar(printed, in_sequence);
        self.0.line_comment();
        self.0.foot_comment();
    }

    /// A comment kept from the key's line comes before a container that starts below.
    fn key_line_comment(&mut self) {
        let comments = &mut self.0.comments;
        if !comments.key_line.is_empty() {
            let line = std::mem::take(&mut comments.line);
            comments.line = std::mem::take(&mut comments.key_line);
            self.0.line_comment();
            self.0.comments.key_line = line;
            std::mem::swap(&mut self.0.comments.line, &mut self.0.comments.key_line);
        }
    }

    fn empty(&mut self, open: &str, close: &str, notes: Notes) {
        self.0.indicator(open, true, true, false);
        self.load_end(notes);
        if open == "{" {
            self.0.head_comment();
        }
        self.0.indicator(close, false, false, false);
        self.0.line_comment();
        self.0.foot_comment();
    }
}

/// Comments on their way to the next entry.
#[derive(Default)]
struct Comments {
    head: String,
    inline: String,
}

impl Comments {
    fn take(&mut self, comment: &Comment) {
        append(
            if comment.inline {
                &mut self.inline
            } else {
                &mut self.head
            },
            comment,
        );
    }

    fn take_head(&mut self, first: bool) -> String {
        let head = std::mem::take(&mut self.head);
        if first { String::new() } else { head }
    }

    fn take_inline(&mut self) -> String {
        std::mem::take(&mut self.inline)
    }

    /// What is left after the last entry.
    fn rest(mut self) -> String {
        if !self.head.is_empty() && !self.inline.is_empty() {
            self.head.push('\n');
        }
        self.head.push_str(&self.inline);
        self.head
    }
}

fn append(comments: &mut String, comment: &Comment) {
    if !comments.is_empty() {
        comments.push('\n');
    }
    comments.push('#');
    comments.push_str(&comment.text);
}

fn trailing(elements: &[Element]) -> String {
    let mut comments = Comments::default();
    for element in elements {
        if let Element::Comment(comment) = element {
            comments.take(comment);
        }
    }
    comments.rest()
}

/// The comments before a container's first entry, or all of an empty one: they are printed above
/// the container.
fn own_head(value: &Value) -> String {
    match value {
        Value::Mapping(mapping) => mapping_head(mapping),
        Value::Sequence(elements) => leading(elements.iter().map(|element| match element {
            Element::Comment(comment) => Some(comment),
            Element::Value(_) => None,
        })),
        Value::Null | Value::Scalar(_) => String::new(),
    }
}

fn mapping_head(mapping: &Mapping) -> String {
    leading(mapping.items.iter().map(|item| match item {
        Item::Comment(comment) => Some(comment),
        Item::Entry(_) => None,
    }))
}

fn leading<'a>(items: impl Iterator<Item = Option<&'a Comment>>) -> String {
    let mut comments = Comments::default();
    for item in items {
        match item {
            Some(comment) => comments.take(comment),
            None => return comments.head,
        }
    }
    comments.rest()
}
