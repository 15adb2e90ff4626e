//! The table as it is written, read once.

use std::sync::LazyLock;

use super::shape::{Field, Fields, ListRule, Shape};

static KINDS: LazyLock<Fields> = LazyLock::new(|| {
    let lines: Vec<_> = include_str!("fields.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    read(&mut lines.as_slice(), 0)
});

/// Returns the fields of a kind of documents, if the table has it.
pub(in crate::render::talos) fn kind(kind: &str) -> Option<&'static Fields> {
    KINDS.get(kind).map(|kind| &kind.fields)
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
    match word {
        "address" => Shape::Address,
        "bytes" => Shape::Bytes,
        "duration" => Shape::Duration,
        "number" => Shape::Number { zero_counts: false },
        "number?" => Shape::Number { zero_counts: true },
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
