//! In which style a scalar is printed: the choice go-yaml makes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::resolve::is_plain_string;
use crate::scalar::{Scalar, float};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// A scalar as it will be printed.
pub(super) struct Printed {
    pub(super) tag: Option<&'static str>,
    pub(super) text: Zeroizing<String>,
    pub(super) style: Style,
    /// Whether it has line breaks, which rules out a simple key.
    pub(super) multiline: bool,
}

/// Longest line of base64 in a `!!binary` scalar.
const BASE64_LINE: usize = 70;

impl Printed {
    pub(super) fn of_scalar(scalar: &Scalar) -> Self {
        let plain = |text: String| Self {
            tag: None,
            text: Zeroizing::new(text),
            style: Style::Plain,
            multiline: false,
        };
        match scalar {
            Scalar::Str(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::of_str(text),
                Err(_) => Self::of_bytes(bytes),
            },
            Scalar::Int(value) => plain(value.to_string()),
            Scalar::Float(value) => plain(float::yaml(*value)),
            Scalar::Bool(value) => plain(value.to_string()),
            Scalar::Time(time) => plain(time.as_str().to_owned()),
        }
    }

    pub(super) fn null() -> Self {
        Self {
            tag: None,
            text: Zeroizing::new("null".to_owned()),
            style: Style::Plain,
            multiline: false,
        }
    }

    pub(super) fn of_str(text: &str) -> Self {
        let analysis = Analysis::of(text);
        let wanted = if text == "<<" {
            Style::Plain
        } else if text.contains('\n') {
            Style::Literal
        } else if is_plain_string(text) && !looks_old(text) {
            Style::Plain
        } else {
            Style::Double
        };
        Self {
            tag: (text == "<<").then_some("!!merge"),
            text: Zeroizing::new(text.to_owned()),
            style: analysis.allowed(wanted),
            multiline: analysis.line_breaks,
        }
    }

    /// Tells whether a style can express a text.
    pub(super) fn can_be(text: &str, style: Style) -> bool {
        let analysis = Analysis::of(text);
        match style {
            Style::Plain => analysis.plain,
            Style::Single => analysis.single,
            Style::Double => true,
            Style::Literal => analysis.literal,
        }
    }

    /// Bytes that are no text.
    fn of_bytes(bytes: &[u8]) -> Self {
        let encoded = STANDARD.encode(bytes);
        let mut text = Zeroizing::new(String::new());
        if encoded.len() < BASE64_LINE {
            text.push_str(&encoded);
        } else {
            for line in encoded.as_bytes().chunks(BASE64_LINE) {
                text.extend(line.iter().copied().map(char::from));
                text.push('\n');
            }
        }
        let multiline = text.contains('\n');
        let style = if multiline {
            Style::Literal
        } else {
            Style::Plain
        };
        Self {
            tag: Some("!!binary"),
            text,
            style,
            multiline,
        }
    }
}

/// Which styles can express a text.
#[expect(clippy::struct_excessive_bools, reason = "one for each style")]
struct Analysis {
    line_breaks: bool,
    plain: bool,
    single: bool,
    literal: bool,
}

impl Analysis {
    /// Looks at every character once, and copies none: the text may be a secret, and long.
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                line_breaks: false,
                plain: true,
                single: true,
                literal: false,
            };
        }
        let (mut line_breaks, mut special, mut tabs) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let mut signs = text.starts_with("---") || text.starts_with("...");
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let after = chars.peek().copied();
            let breaks = is_break(c);
            line_breaks |= breaks;
            tabs |= c == '\t';
            special |= c != '\t' && !is_printable(c);
            break_space |= c == ' ' && before.is_some_and(is_break);
            space_break |= breaks && before == Some(' ');
            signs |= is_sign(before, c, after);
            before = Some(c);
        }
        let edge = |c| c == ' ' || is_break(c);
        let bare = !line_breaks && !signs && !text.starts_with(edge) && !text.ends_with(edge);
        Self {
            line_breaks,
            plain: bare && !tabs && !special && !break_space && !space_break,
            single: !tabs && !special && !break_space && !space_break,
            literal: !text.ends_with(' ') && !special && !space_break,
        }
    }

    fn allowed(&self, wanted: Style) -> Style {
        let style = match wanted {
            Style::Plain if !self.plain => Style::Single,
            Style::Literal if !self.literal => Style::Double,
            style => style,
        };
        if style == Style::Single && !self.single {
            Style::Double
        } else {
            style
        }
    }
}

/// Tells whether a character would be taken for one of YAML's own signs in block context, between
/// those before and after it.
fn is_sign(before: Option<char>, c: char, after: Option<char>) -> bool {
    let blank_after = after.is_none_or(|c| c == ' ' || c == '\t');
    match (c, before) {
        (
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`',
            None,
        ) => true,
        ('?' | ':' | '-', None) | (':', Some(_)) => blank_after,
        ('#', Some(before)) => matches!(before, ' ' | '\t' | '\0') || is_break(before),
        _ => false,
    }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Printable for libyaml: no control characters, no byte-order mark, nothing beyond the first
/// plane.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// What YAML 1.1 takes for a boolean or a number of base 60; printed quoted for its readers.
fn looks_old(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
    ) || is_base_60(text)
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digit_or_underscore = |c: char| c.is_ascii_digit() || c == '_';
    let mut parts = text.split(':');
    let head = parts.next().unwrap_or_default();
    let mut sixties = parts.peekable();
    fraction.chars().all(digit_or_underscore)
        && head.starts_with(|c: char| c.is_ascii_digit())
        && head.chars().all(digit_or_underscore)
        && sixties.peek().is_some()
        && sixties.all(|part| match part.as_bytes() {
            [ones] | [b'0'..=b'5', ones] => ones.is_ascii_digit(),
            _ => false,
        })
}
