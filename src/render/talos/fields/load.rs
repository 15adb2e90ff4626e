//! The table as it is written; each kind of documents is read when it is first asked for.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use super::shape::{Address, Field, Fields, ListRule, Shape};

/// A kind of documents: its lines, and what they say.
#[derive(Default)]
struct Kind {
    lines: Vec<&'static str>,
    fields: OnceLock<Fields>,
}

static KINDS: LazyLock<BTreeMap<&'static str, Kind>> = LazyLock::new(|| {
    let mut kinds: BTreeMap<_, Kind> = BTreeMap::new();
    let mut name = "";
    for line in include_str!("fields.txt").lines() {
        match line.as_bytes().first() {
            None | Some(b'#') => {}
            Some(b' ') => kinds.entry(name).or_default().lines.push(line),
            Some(_) => {
                name = line.split(' ').next().unwrap_or_default();
                kinds.insert(name, Kind::default());
            }
        }
    }
    kinds
});

/// Returns the fields of a kind of documents, if the table has it.
pub(in crate::render::talos) fn kind(kind: &str) -> Option<&'static Fields> {
    let Kind { lines, fields } = KINDS.get(kind)?;
    Some(fields.get_or_init(|| read(&mut lines.as_slice(), 1)))
}

/// Reads the lines of this depth and what is below them.
fn read(lines: &mut &[&'static str], depth: usize) -> Fields {
    let mut fields = Fields::new();
    while let Some((line, rest)) = lines.split_first() {
        let text = line.trim_start();
        if line.len() - text.len() < depth {
            break;
        }
        *lines = rest;
        let (name, mut field) = field(text);
        field.fields = read(lines, depth + 1);
        fields.insert(name, field);
    }
    fields
}

fn field(line: &'static str) -> (&'static str, Field) {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let mut field = Field {
        shape: Shape::Group { optional: true },
        is_replaced: false,
        list: ListRule::Append,
        is_new: false,
        fields: Fields::new(),
    };
    while let Some(word) = words.next() {
        match word {
            "@1.14" => field.is_new = true,
            "by" => {
                let keys = words.next().unwrap_or_default().split('|');
                field.list = ListRule::MergeBy(keys.collect());
            }
            "over" => field.list = ListRule::ReplaceBy(words.next().unwrap_or_default()),
            word => {
                let shape = word.strip_prefix('=');
                field.is_replaced = shape.is_some();
                field.shape = self::shape(shape.unwrap_or(word));
            }
        }
    }
    (name, field)
}

fn shape(word: &'static str) -> Shape {
    let inside = |open, close| word.strip_prefix(open)?.strip_suffix(close);
    if let Some(item) = inside('[', ']') {
        return Shape::List(Box::new(shape(item)));
    }
    if let Some(item) = inside('{', '}') {
        return Shape::Map(Box::new(shape(item)));
    }
    if let Some(nothing) = word.strip_prefix("word:") {
        return Shape::Word(nothing);
    }
    if let Some(number) = number(word) {
        return number;
    }
    match word {
        "address" => Shape::Address(Address::Plain),
        "network" => Shape::Address(Address::Network),
        "socket" => Shape::Address(Address::Socket),
        "bytes" => Shape::Bytes,
        "duration" => Shape::Duration,
        "flag" => Shape::Flag,
        "anew" => Shape::Anew,
        "size" => Shape::Size,
        "url" => Shape::Url,
        "fixed" => Shape::Fixed { optional: false },
        "fixed?" => Shape::Fixed { optional: true },
        "pem" => Shape::Pem(&["crt", "key"]),
        "pem:crt" => Shape::Pem(&["crt"]),
        "pem:key" => Shape::Pem(&["key"]),
        "free" => Shape::Free,
        "args" => Shape::Arguments,
        "group" => Shape::Group { optional: false },
        "group?" => Shape::Group { optional: true },
        _ => Shape::Text,
    }
}

fn number(word: &str) -> Option<Shape> {
    let (word, zero_counts) = match word.strip_suffix('?') {
        Some(word) => (word, true),
        None => (word, false),
    };
    let bits = match word {
        "integer" => None,
        "number" => Some(32),
        word => Some(word.strip_prefix("number")?.parse().ok()?),
    };
    Some(Shape::Number { zero_counts, bits })
}
