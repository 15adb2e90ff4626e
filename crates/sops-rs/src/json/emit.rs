//! From a tree to JSON text, laid out as Go does, or as the text around it is.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::layout::Indent;
use crate::scalar::{Scalar, float};
use crate::tree::{Entry, Mapping, Tree, Value};

/// Prints a tree of one document; comments have no place in JSON.
pub(crate) fn emit(tree: &Tree, indent: Indent) -> Zeroizing<String> {
    let step = step(indent);
    let mut emitter = Emitter::new(Form::of_go(&step));
    if let Some(document) = tree.documents.first() {
        emitter.mapping(document);
    }
    emitter.out.push('\n');
    emitter.out
}

/// Prints a value by itself.
pub(crate) fn emit_value(value: &Value, indent: Indent) -> Zeroizing<String> {
    let step = step(indent);
    let mut emitter = Emitter::new(Form::of_go(&step));
    emitter.value(value);
    emitter.out.push('\n');
    emitter.out
}

/// Prints a value that takes its place in a text.
pub(super) fn emit_inside(value: &Value, form: Form<'_>) -> Zeroizing<String> {
    let mut emitter = Emitter::new(form);
    emitter.value(value);
    emitter.out
}

/// Prints a member of an object in a text.
pub(super) fn emit_member(key: &str, value: &Value, form: Form<'_>) -> Zeroizing<String> {
    let mut emitter = Emitter::new(form);
    emitter.member(key, value);
    emitter.out
}

/// One step of indentation.
pub(super) fn step(indent: Indent) -> String {
    match indent {
        Indent::Tab => "\t".to_owned(),
        Indent::Spaces(spaces) => " ".repeat(spaces),
    }
}

/// How what is printed looks.
#[derive(Clone, Copy)]
pub(super) struct Form<'f> {
    pub(super) colon: &'f str,
    pub(super) comma: &'f str,
    /// Containers are on one line where there are none.
    pub(super) lines: Option<Lines<'f>>,
    pub(super) spelling: Spelling,
}

/// How lines begin.
#[derive(Clone, Copy)]
pub(super) struct Lines<'f> {
    /// The line break, with what stands at the start of every line.
    pub(super) margin: &'f str,
    /// One step of indentation.
    pub(super) step: &'f str,
}

/// How strings and numbers are spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As in Go: what HTML would take for a sign of its own is escaped, a whole number has no
    /// point.
    Go,
    /// Only what must be is escaped, and a number reads back as what it is.
    Exact,
}

impl<'f> Form<'f> {
    fn of_go(step: &'f str) -> Self {
        let margin = "\n";
        Self {
            colon: ": ",
            comma: ",",
            lines: Some(Lines { margin, step }),
            spelling: Spelling::Go,
        }
    }
}

struct Emitter<'f> {
    out: Zeroizing<String>,
    form: Form<'f>,
    depth: usize,
}

impl<'f> Emitter<'f> {
    fn new(form: Form<'f>) -> Self {
        Self {
            out: Zeroizing::new(String::new()),
            form,
            depth: 0,
        }
    }

    fn mapping(&mut self, mapping: &Mapping) {
        let print = |emitter: &mut Self, entry: &Entry| emitter.member(&entry.key, &entry.value);
        self.container(['{', '}'], mapping.entries(), print);
    }

    fn member(&mut self, key: &str, value: &Value) {
        self.string(key);
        self.out.push_str(self.form.colon);
        self.value(value);
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
                self.out.push_str(self.form.comma);
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
        if let Some(lines) = self.form.lines {
            self.out.push_str(lines.margin);
            let steps = std::iter::repeat_n(lines.step, self.depth);
            self.out.extend(steps);
        }
    }

    fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Str(bytes) => self.string(&String::from_utf8_lossy(bytes)),
            Scalar::Int(int) => self.out.push_str(&int.to_string()),
            Scalar::Float(float) => self.float(*float),
            Scalar::Bool(bool) => self.out.push_str(&bool.to_string()),
            Scalar::Time(time) => self.string(time.as_str()),
        }
    }

    fn float(&mut self, value: f64) {
        let text = float::json(value);
        self.out.push_str(&text);
        if self.form.spelling == Spelling::Exact && text.parse::<i64>().is_ok() {
            self.out.push_str(".0");
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        let is_escaped = match self.form.spelling {
            Spelling::Go => is_escaped_in_go,
            Spelling::Exact => must_be_escaped,
        };
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
fn is_escaped_in_go(c: char) -> bool {
    must_be_escaped(c) || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

fn must_be_escaped(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '"' | '\\')
}
