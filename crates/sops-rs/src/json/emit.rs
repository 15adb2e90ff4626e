//! From a tree to JSON text, laid out as Go does.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::layout::Indent;
use crate::scalar::{Scalar, float};
use crate::tree::{Mapping, Tree, Value};

/// Prints a tree of one document; comments have no place in JSON.
pub(crate) fn emit(tree: &Tree, indent: Indent) -> Zeroizing<String> {
    let mut emitter = Emitter {
        out: Zeroizing::new(String::new()),
        indent,
        depth: 0,
    };
    if let Some(document) = tree.documents.first() {
        emitter.mapping(document);
    }
    emitter.out.push('\n');
    emitter.out
}

/// Prints a value by itself.
pub(crate) fn emit_value(value: &Value, indent: Indent) -> Zeroizing<String> {
    let mut emitter = Emitter {
        out: Zeroizing::new(String::new()),
        indent,
        depth: 0,
    };
    emitter.value(value);
    emitter.out.push('\n');
    emitter.out
}

struct Emitter {
    out: Zeroizing<String>,
    indent: Indent,
    depth: usize,
}

impl Emitter {
    fn mapping(&mut self, mapping: &Mapping) {
        self.container(['{', '}'], mapping.entries(), |emitter, entry| {
            emitter.string(&entry.key);
            emitter.out.push_str(": ");
            emitter.value(&entry.value);
        });
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Scalar(scalar) => self.scalar(scalar),
            Value::Mapping(mapping) => self.mapping(mapping),
            Value::Sequence(_) => {
                let elements = value.elements().into_iter().flatten();
                self.container(['[', ']'], elements, Self::value);
            }
        }
    }

    fn container<T>(
        &mut self,
        [open, close]: [char; 2],
        members: impl Iterator<Item = T>,
        print: impl Fn(&mut Self, T),
    ) {
        self.out.push(open);
        self.depth += 1;
        let mut empty = true;
        for member in members {
            if !empty {
                self.out.push(',');
            }
            empty = false;
            self.new_line();
            print(self, member);
        }
        self.depth -= 1;
        if !empty {
            self.new_line();
        }
        self.out.push(close);
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        let (step, count) = match self.indent {
            Indent::Tab => ('\t', self.depth),
            Indent::Spaces(spaces) => (' ', self.depth * spaces),
        };
        self.out.extend(std::iter::repeat_n(step, count));
    }

    fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Str(bytes) => self.string(&String::from_utf8_lossy(bytes)),
            Scalar::Int(int) => self.out.push_str(&int.to_string()),
            Scalar::Float(float) => self.out.push_str(&float::json(*float)),
            Scalar::Bool(bool) => self.out.push_str(&bool.to_string()),
            Scalar::Time(time) => self.string(time.as_str()),
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        while let Some(index) = rest.find(is_escaped) {
            self.out.push_str(&rest[..index]);
            let mut chars = rest[index..].chars();
            if let Some(c) = chars.next() {
                self.escape(c);
            }
            rest = chars.as_str();
        }
        self.out.push_str(rest);
        self.out.push('"');
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '"' => '"',
            '\\' => '\\',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            _ => {
                let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                return;
            }
        };
        self.out.push('\\');
        self.out.push(short);
    }
}

/// Go escapes what HTML and JavaScript would take for a sign of their own, too.
fn is_escaped(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}'
    )
}
