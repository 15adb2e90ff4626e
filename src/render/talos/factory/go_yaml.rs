//! Scalars as go-yaml writes them (`go.yaml.in/yaml/v4` v4.0.0-rc.6), whose output Image Factory digests.
//!
//! Knows nothing of where a scalar stands but how far its lines are indented.

use std::cmp::Ordering;
use std::fmt::Write as _;

/// How far each level is indented.
pub(super) const INDENT: usize = 4;

/// Words that YAML 1.1 read as truth or falsehood: written in single quotes.
const OLD_BOOLEANS: [&str; 16] = [
    "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off",
    "OFF",
];

/// Words that are something else than a text: written in double quotes.
const WORDS: [&str; 23] = [
    "", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", ".nan",
    ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
];

/// Writes a text; `indent` is that of the lines of a block.
pub(super) fn text(text: &str, indent: usize) -> String {
    let unprintable = text.chars().any(is_escaped);
    if text.contains('\n') && has_block_form(text) {
        block(text, indent)
    } else if unprintable || text.contains('\n') || reads_as_another_type(text) {
        double_quoted(text)
    } else if is_old(text) || has_special_characters(text) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        text.to_owned()
    }
}

/// Writes a number with a fraction, the shortest way that reads back the same.
pub(super) fn float(number: f64) -> String {
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The order of keys: letters after everything else, runs of digits by their value.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let differs = |(a, b): (&char, &char)| a != b;
    let Some(place) = left.iter().zip(&right).position(differs) else {
        return left.len().cmp(&right.len());
    };
    let (a, b) = (left[place], right[place]);
    let after_digit = place > 0 && left[place - 1].is_numeric();
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => a.cmp(&b),
        // A number that ends comes before one that goes on.
        (true, false) if after_digit => Ordering::Less,
        (false, true) if after_digit => Ordering::Greater,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => by_number(&left, &right, place).then(a.cmp(&b)),
    }
}

fn by_number(left: &[char], right: &[char], place: usize) -> Ordering {
    let digits = |text: &[char]| text.iter().take_while(|c| c.is_ascii_digit()).count();
    let goes_on = left[..place]
        .iter()
        .rev()
        .take_while(|c| c.is_ascii_digit())
        .any(|c| *c != '0');
    let lead = if goes_on && (left[place] == '0' || right[place] == '0') {
        "1"
    } else {
        ""
    };
    let value = |text: &[char]| {
        let digits: String = text[..digits(text)].iter().collect();
        format!("{lead}{digits}")
            .parse::<u128>()
            .unwrap_or_default()
    };
    let (left, right) = (&left[place..], &right[place..]);
    value(left)
        .cmp(&value(right))
        .then(digits(left).cmp(&digits(right)))
}

fn block(text: &str, indent: usize) -> String {
    // A first line that begins with a space would be taken for the indentation.
    let hint = if text.starts_with(' ') {
        INDENT.to_string()
    } else {
        String::new()
    };
    let (chomp, body) = match text.strip_suffix('\n') {
        Some(body) if body.is_empty() || body.ends_with('\n') => ("+", body),
        Some(body) => ("", body),
        None => ("-", text),
    };
    let mut written = format!("|{hint}{chomp}");
    for line in body.split('\n') {
        written.push('\n');
        if !line.is_empty() {
            let _ = write!(written, "{:indent$}{line}", "");
        }
    }
    written
}

fn double_quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\0' => written.push_str("\\0"),
            '\u{7}' => written.push_str("\\a"),
            '\u{8}' => written.push_str("\\b"),
            '\t' => written.push_str("\\t"),
            '\n' => written.push_str("\\n"),
            '\u{b}' => written.push_str("\\v"),
            '\u{c}' => written.push_str("\\f"),
            '\r' => written.push_str("\\r"),
            '\u{1b}' => written.push_str("\\e"),
            '\u{85}' => written.push_str("\\N"),
            other if !is_escaped(other) => written.push(other),
            other => {
                let code = u32::from(other);
                let _ = match code {
                    0..=0xff => write!(written, "\\x{code:02X}"),
                    0x100..=0xffff => write!(written, "\\u{code:04X}"),
                    _ => write!(written, "\\U{code:08X}"),
                };
            }
        }
    }
    written.push('"');
    written
}

fn is_escaped(character: char) -> bool {
    match character {
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => {
            character == '\u{feff}'
        }
        _ => true,
    }
}

/// A block shows a tab as it is, and hides a space at the end of a line.
fn has_block_form(text: &str) -> bool {
    let is_shown = |c: char| c == '\t' || !is_escaped(c);
    let hides = text.contains(" \n") || text.ends_with(' ');
    !hides && text.chars().all(is_shown) && text.contains(|c| c != '\n')
}

fn is_old(text: &str) -> bool {
    OLD_BOOLEANS.contains(&text) || text == "<<" || is_base_60(text)
}

/// Hours, minutes and seconds: what YAML 1.1 read as one number.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let leading = first.starts_with(|c: char| c.is_ascii_digit())
        && first.chars().all(|c| c.is_ascii_digit() || c == '_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let sixty = |part: &str| {
        let digits = part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && part.parse::<u8>().is_ok_and(|part| part < 60)
    };
    let fraction = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '_');
    let last = match last.split_once('.') {
        Some((whole, after)) => sixty(whole) && fraction(after),
        None => sixty(last),
    };
    leading && last && middle.iter().all(|part| sixty(part))
}

fn reads_as_another_type(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    WORDS.contains(&text) || starts && (is_number(text) || is_date(text))
}

fn is_number(text: &str) -> bool {
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let based = [
        ("0x", 16),
        ("0X", 16),
        ("0o", 8),
        ("0O", 8),
        ("0b", 2),
        ("0B", 2),
    ];
    let is_based = based.iter().any(|(prefix, radix)| {
        let digits = unsigned.strip_prefix(prefix).unwrap_or_default();
        !digits.is_empty() && digits.chars().all(|c| c.is_digit(*radix))
    });
    let shape = unsigned
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    is_based || shape && unsigned.parse::<f64>().is_ok()
}

/// A date, or a date and a time.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes
            .get(range)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let date = digits(0..4) && bytes.get(4) == Some(&b'-');
    let mut parts = text.get(5..).unwrap_or_default().splitn(2, '-');
    let month = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    let day: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let after = rest[day.len()..].chars().next();
    let in_range = |text: &str, most: u8| {
        (1..=2).contains(&text.len())
            && text
                .parse()
                .is_ok_and(|number: u8| (1..=most).contains(&number))
    };
    let time = after.is_none_or(|after| matches!(after, 'T' | 't' | ' ') && rest.contains(':'));
    date && in_range(month, 12) && in_range(&day, 31) && time
}

fn has_special_characters(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().unwrap_or(' ');
    let second = characters.next().unwrap_or(' ');
    let indicator = "#,[]{}&*!|>'\"%@`".contains(first)
        || ("-?:".contains(first) && second == ' ')
        || text.starts_with("---")
        || text.starts_with("...");
    indicator
        || text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #")
        || text.starts_with(' ')
        || text.ends_with(' ')
}

#[cfg(test)]
#[path = "go_yaml_tests.rs"]
mod tests;
