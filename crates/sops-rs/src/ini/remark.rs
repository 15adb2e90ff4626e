//! How comments are written again in their own manner.
//!
//! Of a comment of several lines the tree holds all but the sign of the first, so what stands
//! before its text on that line stays.

use std::ops::Range;

use zeroize::Zeroizing;

/// A comment of whole lines in a text.
pub(super) struct Remark<'t> {
    text: &'t str,
    /// Where its text begins and ends.
    pub(super) span: Range<usize>,
    indentation: &'t str,
}

impl<'t> Remark<'t> {
    /// The comment whose lines stand at a place.
    pub(super) fn at(text: &'t str, lines: &Range<usize>) -> Self {
        let block = text[lines.clone()].trim_end();
        let indentation = indentation(block);
        let marked = &block[indentation.len()..];
        let content = match marked.chars().next() {
            Some(sign) => marked.trim_start_matches([sign, ' ']),
            None => marked,
        };
        let end = lines.start + block.len();
        Self {
            text,
            span: end - content.len()..end,
            indentation,
        }
    }

    /// Returns another text in its manner.
    pub(super) fn like(&self, comment: &str) -> Zeroizing<String> {
        let sign = self.text[..self.span.start]
            .trim_end_matches(' ')
            .chars()
            .next_back();
        let sign = sign.filter(|sign| matches!(sign, '#' | ';')).unwrap_or('#');
        lines(comment, self.indentation, sign, "\n")
    }
}

/// Returns a comment for the lines above something.
pub(super) fn new_lines(
    comment: &str,
    indentation: &str,
    sign: char,
    line_break: &str,
) -> Zeroizing<String> {
    let text = lines(comment, indentation, sign, line_break);
    let text = text.strip_suffix('\r').unwrap_or(&text);
    Zeroizing::new(format!("{indentation}{sign} {text}{line_break}"))
}

/// The lines of a comment; those after the first bring their signs along.
fn lines(comment: &str, indentation: &str, sign: char, line_break: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(comment.len()));
    for (number, line) in comment.split('\n').enumerate() {
        if number > 0 {
            let line_break = if out.ends_with('\r') {
                "\n"
            } else {
                line_break
            };
            out.push_str(line_break);
            out.push_str(indentation);
            if !line.starts_with(['#', ';']) {
                out.push(sign);
                out.push(' ');
            }
        }
        out.push_str(line);
    }
    out
}

/// The white space that a line begins with.
pub(super) fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}
