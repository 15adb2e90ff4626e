//! Whether a tree that was read from a text is the one that the text was to hold, as far as its
//! format can tell.

use crate::format::Format;
use crate::scalar::Scalar;
use crate::tree::{Element, Item, Mapping, Tree, Value};

impl Tree {
    /// Tells whether this tree, read from a text, is what another one becomes in a format: dotenv and
    /// INI know only text, JSON has neither dates nor comments.
    pub(crate) fn is_reading_of(&self, other: &Self, format: Format) -> bool {
        if format == Format::Yaml {
            return self.is_same_as(other);
        }
        let pairs = self.documents.iter().zip(&other.documents);
        self.documents.len() == other.documents.len()
            && pairs
                .into_iter()
                .all(|(own, other)| mapping(own, other, format))
    }
}

fn mapping(own: &Mapping, other: &Mapping, format: Format) -> bool {
    let counts = |item: &&Item| format != Format::Json || matches!(item, Item::Entry(_));
    let mut own = own.items.iter().filter(counts);
    let mut other = other.items.iter().filter(counts);
    loop {
        let same = match (own.next(), other.next()) {
            (None, None) => return true,
            (Some(Item::Comment(own)), Some(Item::Comment(other))) => own.text == other.text,
            (Some(Item::Entry(own)), Some(Item::Entry(other))) => {
                own.key == other.key && value(&own.value, &other.value, format)
            }
            _ => false,
        };
        if !same {
            return false;
        }
    }
}

fn sequence(own: &[Element], other: &[Element], format: Format) -> bool {
    let counts = |element: &&Element| matches!(element, Element::Value(_));
    let mut own = own.iter().filter(counts);
    let mut other = other.iter().filter(counts);
    loop {
        match (own.next(), other.next()) {
            (None, None) => return true,
            (Some(Element::Value(own)), Some(Element::Value(other)))
                if value(own, other, format) => {}
            _ => return false,
        }
    }
}

fn value(own: &Value, other: &Value, format: Format) -> bool {
    match (own, other) {
        (Value::Scalar(own), Value::Scalar(other)) => scalar(own, other, format),
        (Value::Mapping(own), Value::Mapping(other)) => mapping(own, other, format),
        (Value::Sequence(own), Value::Sequence(other)) => sequence(own, other, format),
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

fn scalar(own: &Scalar, other: &Scalar, format: Format) -> bool {
    match (format, other) {
        (Format::Json, Scalar::Time(time)) => own.as_str() == Some(time.as_str()),
        (Format::Json, _) => own.kind() == other.kind() && own.bytes() == other.bytes(),
        _ => own.flat_text() == other.flat_text(),
    }
}
