//! Values as people type them, and as `get` prints them.

use zeroize::Zeroizing;

use crate::format::Format;
use crate::layout::Layout;
use crate::parse_error::ParseError;
use crate::scalar::Scalar;
use crate::tree::{Mapping, Tree, Value};
use crate::{json, yaml};

/// A text that is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is neither YAML nor JSON")]
pub struct ValueError {
    /// What is wrong with it.
    #[source]
    pub source: ParseError,
}

/// What a number that stands alone becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BareNumbers {
    /// What it looks like.
    #[default]
    AsWritten,
    /// A floating-point number, as `sops set` makes of every number.
    Float,
}

/// The key under which a value is wrapped into a document.
const WRAPPER: &str = "v";

impl Value {
    /// Reads a value in YAML or JSON.
    ///
    /// ```
    /// use sops_rs::{ScalarType, Value};
    ///
    /// let value = Value::from_text("[1, two]")?;
    /// let kinds = value.elements().into_iter().flatten();
    /// let kinds: Vec<_> = kinds.map(Value::kind).collect();
    /// assert_eq!(kinds, ["an integer", "a string"]);
    /// # Ok::<(), sops_rs::ValueError>(())
    /// ```
    pub fn from_text(text: &str) -> Result<Self, ValueError> {
        Self::from_text_with(text, BareNumbers::AsWritten)
    }

    /// Reads a value in YAML or JSON, with a rule for a number that stands alone.
    pub fn from_text_with(text: &str, numbers: BareNumbers) -> Result<Self, ValueError> {
        let mut wrapped = Zeroizing::new(format!("{WRAPPER}:\n"));
        for line in text.lines() {
            wrapped.push_str("  ");
            wrapped.push_str(line);
            wrapped.push('\n');
        }
        let mut tree = yaml::load(&wrapped).map_err(|source| ValueError { source })?;
        let value = match &mut tree.documents[..] {
            [document] if document.entries().count() == 1 => document.remove(WRAPPER),
            _ => None,
        };
        let value = value.ok_or(ValueError {
            source: ParseError::Empty,
        })?;
        Ok(match (value, numbers) {
            #[expect(clippy::cast_precision_loss, reason = "what `sops` does too")]
            (Self::Scalar(Scalar::Int(int)), BareNumbers::Float) => {
                Self::Scalar(Scalar::Float(int as f64))
            }
            (value, _) => value,
        })
    }

    /// Prints it by itself: a string as its bytes and nothing else, everything else as YAML in a
    /// YAML file and as JSON in every other, which ends with a newline.
    pub fn to_bytes(&self, format: Format, layout: Layout) -> Zeroizing<Vec<u8>> {
        if let Self::Scalar(Scalar::Str(bytes)) = self {
            return bytes.clone();
        }
        let text = match self {
            _ if format != Format::Yaml => json::emit_value(self, layout.json()),
            Self::Mapping(mapping) => print(mapping.clone(), layout),
            _ => {
                let mut wrapper = Mapping::default();
                wrapper.push(WRAPPER, self.clone());
                unwrapped(&print(wrapper, layout), layout)
            }
        };
        Zeroizing::new(text.as_bytes().to_vec())
    }
}

fn print(mapping: Mapping, layout: Layout) -> Zeroizing<String> {
    let documents = vec![mapping];
    yaml::emit(&Tree { documents }, layout.yaml())
}

/// Takes the wrapper's key and one level of indentation away again.
fn unwrapped(text: &str, layout: Layout) -> Zeroizing<String> {
    let rest = text.strip_prefix(WRAPPER).unwrap_or(text);
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    if let Some(inline) = rest.strip_prefix(' ') {
        return Zeroizing::new(inline.to_owned());
    }
    let indent = " ".repeat(layout.yaml());
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for line in rest.trim_start_matches('\n').split_inclusive('\n') {
        out.push_str(line.strip_prefix(&indent).unwrap_or(line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{BareNumbers, Value};
    use crate::{Format, Layout};

    fn printed(text: &str, numbers: BareNumbers) -> String {
        let value = Value::from_text_with(text, numbers).unwrap();
        let bytes = value.to_bytes(Format::Yaml, Layout::indented(2));
        format!(
            "{}: {}",
            value.kind(),
            String::from_utf8(bytes.to_vec()).unwrap()
        )
    }

    #[test]
    fn values_are_read_and_printed_by_themselves() {
        let as_written = |text| printed(text, BareNumbers::AsWritten);
        assert_eq!(as_written("5"), "an integer: 5\n");
        assert_eq!(as_written("\"5\""), "a string: 5");
        assert_eq!(as_written("plain text"), "a string: plain text");
        assert_eq!(as_written("|\n  two\n  lines\n"), "a string: two\nlines\n");
        assert_eq!(
            as_written("[1, {\"a\": [true]}]"),
            "a list: - 1\n- a:\n    - true\n"
        );
        assert_eq!(as_written("a: 1\nb: two"), "a mapping: a: 1\nb: two\n");
        assert_eq!(as_written("{}"), "a mapping: {}\n");
        assert_eq!(as_written("null"), "null: null\n");
        assert_eq!(printed("5", BareNumbers::Float), "a number: 5\n");
        assert_eq!(printed("[5]", BareNumbers::Float), "a list: - 5\n");
        let list = Value::from_text("[1]").unwrap();
        let json = list.to_bytes(Format::Json, Layout::default());
        assert_eq!(json.as_slice(), b"[\n\t1\n]\n");
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["[1", "a: b: c", "\"x", "---\na: 1"] {
            assert!(Value::from_text(text).is_err(), "{text}");
        }
    }
}
