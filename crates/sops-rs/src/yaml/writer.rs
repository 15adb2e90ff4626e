//! Characters, columns and comments: the lower half of the emitter.
//!
//! go-yaml keeps comments in registers that an event fills and a later step empties; where a
//! comment comes out depends on that order, so it is kept here too.

use zeroize::Zeroizing;

use super::scalar_style::{Printed, Style, is_break, is_printable};

pub(super) struct Writer {
    pub(super) out: Zeroizing<String>,
    column: usize,
    /// The last character was whitespace, or an indicator that counts as such.
    whitespace: bool,
    /// Nothing but indentation and indicators stand on the line.
    indention: bool,
    /// The indentation; `None` before the first container.
    pub(super) indent: Option<usize>,
    step: usize,
    /// The indentation at which a foot comment wants an empty line after it.
    foot_indent: Option<usize>,
    /// The last scalar keeps its trailing newlines, so that a document end must be marked.
    open_ended: bool,
    pub(super) comments: Registers,
}

/// Comments that wait for their place.
#[derive(Default)]
pub(super) struct Registers {
    pub(super) head: String,
    pub(super) line: String,
    pub(super) foot: String,
    pub(super) tail: String,
    pub(super) key_line: String,
}

impl Registers {
    /// Takes over what an event brings; nothing never replaces something.
    pub(super) fn load(register: &mut String, comments: String) {
        if !comments.is_empty() {
            *register = comments;
        }
    }
}

impl Writer {
    pub(super) fn new(step: usize) -> Self {
        Self {
            out: Zeroizing::new(String::new()),
            column: 0,
            whitespace: true,
            indention: true,
            indent: None,
            step,
            foot_indent: None,
            open_ended: false,
            comments: Registers::default(),
        }
    }

    /// Starts a document after the first.
    pub(super) fn document_marker(&mut self) {
        self.write_indent();
        self.indicator("---", true, false, false);
        self.write_indent();
    }

    pub(super) fn end_document(&mut self) {
        self.foot_indent = Some(0);
        self.foot_comment();
        self.foot_indent = None;
        self.write_indent();
    }

    pub(super) fn end_stream(&mut self) {
        if self.open_ended {
            self.indicator("...", true, false, false);
            self.write_indent();
        }
    }

    /// Goes one level deeper and returns the level to come back to.
    pub(super) fn deeper(&mut self, in_sequence: bool, scalar: bool) -> Option<usize> {
        let outer = self.indent;
        self.indent = Some(match outer {
            None if scalar => self.step,
            None => 0,
            Some(indent) if in_sequence => indent + 2,
            Some(indent) => self.step * ((indent + self.step) / self.step),
        });
        outer
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    pub(super) fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention = true;
    }

    /// Copies a line break; those that are not `\n` stay what they are.
    fn copy_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.foot_indent == Some(indent) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.foot_indent = None;
    }

    pub(super) fn indicator(
        &mut self,
        sign: &str,
        needs_space: bool,
        is_space: bool,
        is_indention: bool,
    ) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        sign.chars().for_each(|c| self.put(c));
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
        self.open_ended = false;
    }

    pub(super) fn head_comment(&mut self) {
        let tail = std::mem::take(&mut self.comments.tail);
        if !tail.is_empty() {
            self.write_indent();
            self.comment(&tail);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
        let head = std::mem::take(&mut self.comments.head);
        if !head.is_empty() {
            self.write_indent();
            self.comment(&head);
        }
    }

    pub(super) fn line_comment(&mut self) -> bool {
        let line = std::mem::take(&mut self.comments.line);
        if line.is_empty() {
            return false;
        }
        if !self.whitespace {
            self.put(' ');
        }
        self.comment(&line);
        true
    }

    pub(super) fn foot_comment(&mut self) {
        let foot = std::mem::take(&mut self.comments.foot);
        if !foot.is_empty() {
            self.write_indent();
            self.comment(&foot);
            self.foot_indent = Some(self.indent.unwrap_or(0));
        }
    }

    fn comment(&mut self, comment: &str) {
        let mut after_break = false;
        let mut marked = false;
        for c in comment.chars() {
            if is_break(c) {
                self.copy_break(c);
                after_break = true;
                marked = false;
                continue;
            }
            if after_break {
                self.write_indent();
            }
            if !marked && c != '#' {
                self.put('#');
                self.put(' ');
            }
            marked = true;
            self.put(c);
            self.indention = false;
            after_break = false;
        }
        if !after_break {
            self.put_break();
        }
        self.whitespace = true;
    }

    pub(super) fn scalar(&mut self, printed: &Printed, in_sequence: bool) {
        if let Some(tag) = printed.tag {
            if !self.whitespace {
                self.put(' ');
            }
            tag.chars().for_each(|c| self.put(c));
            self.whitespace = false;
            self.indention = false;
        }
        let outer = self.deeper(in_sequence, true);
        match printed.style {
            Style::Plain => self.plain(&printed.text),
            Style::Single => self.single_quoted(&printed.text),
            Style::Double => self.double_quoted(&printed.text),
            Style::Literal => self.literal(&printed.text, outer),
        }
        self.indent = outer;
    }

    fn plain(&mut self, text: &str) {
        if !text.is_empty() && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.chars().count();
        self.whitespace = self.whitespace && text.is_empty();
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str) {
        self.indicator("'", true, false, false);
        let mut after_break = false;
        for c in text.chars() {
            if is_break(c) {
                if !after_break && c == '\n' {
                    self.put_break();
                }
                self.copy_break(c);
                after_break = true;
                continue;
            }
            if after_break && c != ' ' {
                self.write_indent();
            }
            if c == '\'' {
                self.put('\'');
            }
            self.put(c);
            if c != ' ' {
                self.indention = false;
                after_break = false;
            }
        }
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn double_quoted(&mut self, text: &str) {
        self.indicator("\"", true, false, false);
        // With a byte-order mark in front, libyaml escapes every character.
        let all = text.starts_with('\u{feff}');
        for c in text.chars() {
            if all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                escape(c).chars().for_each(|c| self.put(c));
            } else {
                self.put(c);
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// A literal block; `outer` is the indentation of what holds it.
    fn literal(&mut self, text: &str, outer: Option<usize>) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            // go-yaml always prints its indentation step here, which is wrong inside lists, where
            // the text is indented by two. The true number keeps such a value readable.
            let hint = self.indent.unwrap_or(0) - outer.unwrap_or(0);
            self.indicator(&hint.to_string(), false, false, false);
        }
        self.open_ended = false;
        let mut breaks = text.chars().rev();
        let last = breaks.next().is_some_and(is_break);
        let before = breaks.next().is_none_or(is_break);
        match (last, before) {
            (false, _) => self.indicator("-", false, false, false),
            (true, true) => {
                self.indicator("+", false, false, false);
                self.open_ended = true;
            }
            (true, false) => {}
        }
        if !self.line_comment() {
            self.put_break();
        }
        self.whitespace = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.copy_break(c);
                after_break = true;
            } else {
                if after_break {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                after_break = false;
            }
        }
    }
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => return long_escape(u32::from(c)),
    };
    format!("\\{short}")
}

fn long_escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02X}"),
        0x100..=0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}

/// A text in double quotes.
pub(super) fn double_quoted(text: &str) -> Zeroizing<String> {
    let mut writer = Writer::new(1);
    writer.double_quoted(text);
    writer.out
}

/// A text without line breaks in single quotes.
pub(super) fn single_quoted(text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", text.replace('\'', "''")))
}
