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
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let (Some(&first), Some(&last)) = (chars.first(), chars.last()) else {
            return Self {
                line_breaks: false,
                plain: true,
                single: true,
                literal: false,
            };
        };
        let line_breaks = chars.iter().any(|&c| is_break(c));
        let special = chars.iter().any(|&c| c != '\t' && !is_printable(c));
        let tabs = chars.contains(&'\t');
        let pairs = || chars.windows(2).map(|pair| (pair[0], pair[1]));
        let break_space = pairs().any(|(a, b)| is_break(a) && b == ' ');
        let space_break = pairs().any(|(a, b)| a == ' ' && is_break(b));
        let edge = |c| c == ' ' || is_break(c);
        let bare = !edge(first) && !edge(last) && !line_breaks && !indicators(&chars);
        Self {
            line_breaks,
            plain: bare && !tabs && !special && !break_space && !space_break,
            single: !tabs && !special && !break_space && !space_break,
            literal: last != ' ' && !special && !space_break,
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

/// Whether something in the text would be taken for YAML's own signs in block context.
fn indicators(chars: &[char]) -> bool {
    if chars.starts_with(&['-', '-', '-']) || chars.starts_with(&['.', '.', '.']) {
        return true;
    }
    let blank_after = |index: usize| chars.get(index + 1).is_none_or(|&c| c == ' ' || c == '\t');
    let first = match chars[0] {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => true,
        '?' | ':' | '-' => blank_after(0),
        _ => false,
    };
    first
        || (1..chars.len()).any(|index| match chars[index] {
            ':' => blank_after(index),
            '#' => matches!(chars[index - 1], ' ' | '\t' | '\0') || is_break(chars[index - 1]),
            _ => false,
        })
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
