//! YAML with comments, empty lines, quotes and flow style.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{masked_values, words};

/// The text without metadata.
pub(crate) fn masked(text: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in masked_values(text).split_inclusive('\n') {
        inside = match line {
            line if line.starts_with("sops:") => true,
            line => inside && line.starts_with([' ', '\t']),
        };
        if !inside {
            kept.push_str(line);
        }
    }
    kept
}

/// An entry as somebody could have typed it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) blank: bool,
    pub(crate) comment: Option<String>,
    pub(crate) inline: Option<String>,
    pub(crate) body: Body,
}

/// A value and how it is written.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Plain(String),
    Single(String),
    Double(String),
    Number(i32),
    Literal(Vec<String>),
    Map(Vec<Entry>),
    List(Vec<String>),
    Flow(Vec<(String, String)>),
}

/// Renders values as they are, or the word that stands for encrypted ones.
struct Renderer {
    out: String,
    encrypted: bool,
}

impl Renderer {
    fn value(&self, text: &str) -> String {
        if self.encrypted {
            "ENC".to_owned()
        } else {
            text.to_owned()
        }
    }

    fn comment(&self, text: &str) -> String {
        if self.encrypted {
            "#ENC".to_owned()
        } else {
            format!("# {text}")
        }
    }

    fn entries(&mut self, entries: &[Entry], indent: usize) {
        let spaces = " ".repeat(indent);
        for (number, entry) in entries.iter().enumerate() {
            if entry.blank {
                self.out.push('\n');
            }
            if let Some(comment) = &entry.comment {
                let comment = self.comment(comment);
                writeln!(self.out, "{spaces}{comment}").unwrap_or_default();
            }
            write!(self.out, "{spaces}{}{number}:", entry.key).unwrap_or_default();
            self.body(entry, indent);
        }
    }

    fn body(&mut self, entry: &Entry, indent: usize) {
        let inline = entry.inline.as_ref();
        let inline = inline.map_or(String::new(), |text| format!("  {}", self.comment(text)));
        let spaces = " ".repeat(indent + 2);
        let line = match &entry.body {
            Body::Plain(text) => self.value(text),
            Body::Single(text) => format!("'{}'", self.value(text)),
            Body::Double(text) => format!("\"{}\"", self.value(text)),
            Body::Number(number) => self.value(&number.to_string()),
            Body::Flow(entries) => {
                let quote = if self.encrypted { "'" } else { "" };
                let entries = entries.iter().enumerate().map(|(number, (key, value))| {
                    format!("{key}{number}: {quote}{}{quote}", self.value(value))
                });
                let entries: Vec<String> = entries.collect();
                // A comment behind braces would move inside of them.
                return writeln!(self.out, " {{{}}}", entries.join(", ")).unwrap_or_default();
            }
            Body::Literal(_) if self.encrypted => "ENC".to_owned(),
            Body::Literal(lines) => {
                writeln!(self.out, " |{inline}").unwrap_or_default();
                for line in lines {
                    writeln!(self.out, "{spaces}{line}").unwrap_or_default();
                }
                return;
            }
            Body::Map(entries) => {
                self.out.push('\n');
                return self.entries(entries, indent + 2);
            }
            Body::List(elements) => {
                self.out.push('\n');
                for element in elements {
                    let element = self.value(element);
                    writeln!(self.out, "{spaces}- {element}").unwrap_or_default();
                }
                return;
            }
        };
        writeln!(self.out, " {line}{inline}").unwrap_or_default();
    }
}

/// Its text, or the one with the word `ENC` for every encrypted value.
pub(crate) fn render(entries: &[Entry], encrypted: bool) -> String {
    let out = String::new();
    let mut renderer = Renderer { out, encrypted };
    renderer.entries(entries, 0);
    renderer.out
}

fn entry(body: impl Strategy<Value = Body>) -> impl Strategy<Value = Entry> {
    let comment = || proptest::option::weighted(0.3, words());
    ("[a-z]{1,5}", any::<bool>(), comment(), comment(), body).prop_map(
        |(key, blank, comment, inline, body)| Entry {
            key,
            blank,
            comment,
            inline,
            body,
        },
    )
}

fn leaf() -> impl Strategy<Value = Body> {
    prop_oneof![
        words().prop_map(Body::Plain),
        words().prop_map(Body::Single),
        words().prop_map(Body::Double),
        any::<i32>().prop_map(Body::Number),
        vec(words(), 2..4).prop_map(Body::Literal),
        vec(words(), 1..4).prop_map(Body::List),
        vec(("[a-z]{1,5}", words()), 1..4).prop_map(Body::Flow),
    ]
}

/// Documents.
pub(crate) fn written() -> impl Strategy<Value = Vec<Entry>> {
    let body = leaf().prop_recursive(3, 24, 4, |inner| {
        vec(entry(inner), 1..4).prop_map(Body::Map)
    });
    vec(entry(body), 1..6)
}
