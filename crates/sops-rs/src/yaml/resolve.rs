//! What a YAML scalar means: YAML 1.2's core schema with what go-yaml v3 keeps of 1.1.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::scalar::{Scalar, Time};
use crate::tree::Value;

const CORE: &str = "tag:yaml.org,2002:";

/// An integer that fits `u64` but not `i64`, which `sops` cannot walk either.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// Resolves a scalar. `quoted` is true for everything but plain style.
pub(crate) fn resolve(text: &str, quoted: bool, tag: Option<&str>) -> Result<Value, TooLarge> {
    // `!!str`, and every tag that is unknown here.
    let string = || Ok(Value::Scalar(Scalar::from(text)));
    let Some(tag) = tag else {
        return if quoted { string() } else { untagged(text) };
    };
    match tag.strip_prefix(CORE) {
        Some("binary") => Ok(binary(text)),
        Some(kind @ ("int" | "float" | "bool" | "null" | "timestamp")) => tagged(text, kind),
        _ => string(),
    }
}

/// Tells whether a plain scalar of this text would be the string it spells.
pub(crate) fn is_plain_string(text: &str) -> bool {
    match untagged(text) {
        Ok(Value::Scalar(Scalar::Str(_))) => text != "<<",
        _ => false,
    }
}

fn untagged(text: &str) -> Result<Value, TooLarge> {
    if let Some(value) = word(text) {
        return Ok(value);
    }
    let found = match text.as_bytes().first() {
        Some(b'.') => float(text).map(Value::from),
        Some(b'0'..=b'9' | b'+' | b'-') => match Time::from_yaml(text) {
            Some(time) => Some(Scalar::Time(time).into()),
            None => number(text)?,
        },
        _ => None,
    };
    Ok(found.unwrap_or_else(|| Value::from(text)))
}

/// A scalar with an explicit tag; one that does not fit its tag becomes null.
fn tagged(text: &str, kind: &str) -> Result<Value, TooLarge> {
    let value = match kind {
        "timestamp" => Time::from_yaml(text).map(|time| Scalar::Time(time).into()),
        _ if starts_number(text) => number(text)?,
        _ => None,
    };
    let value = value.or_else(|| word(text)).unwrap_or(Value::Null);
    Ok(match (kind, value) {
        #[expect(clippy::cast_precision_loss, reason = "`!!float 3` asks for it")]
        ("float", Value::Scalar(Scalar::Int(int))) => Scalar::Float(int as f64).into(),
        ("int", value @ Value::Scalar(Scalar::Int(_)))
        | ("float", value @ Value::Scalar(Scalar::Float(_)))
        | ("bool", value @ Value::Scalar(Scalar::Bool(_)))
        | ("timestamp", value @ Value::Scalar(Scalar::Time(_))) => value,
        _ => Value::Null,
    })
}

fn starts_number(text: &str) -> bool {
    text.starts_with(['.', '+', '-']) || text.starts_with(|c: char| c.is_ascii_digit())
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true).into(),
        "false" | "False" | "FALSE" => Scalar::Bool(false).into(),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN).into(),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            Scalar::Float(f64::INFINITY).into()
        }
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY).into(),
        _ => return None,
    })
}

fn number(text: &str) -> Result<Option<Value>, TooLarge> {
    let digits: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    if let Some(int) = integer(&digits)? {
        return Ok(Some(Scalar::Int(int).into()));
    }
    Ok(float(&digits).map(Value::from))
}

/// An integer in decimal, `0x`, `0b`, `0o`, or octal by a leading zero alone.
fn integer(text: &str) -> Result<Option<i64>, TooLarge> {
    let (sign, body) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let (radix, digits) = radix(body);
    if digits.is_empty() {
        return Ok(None);
    }
    let valid = digits.chars().all(|c| c.is_digit(radix));
    if !valid {
        return Ok(inner_sign(text));
    }
    match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        Ok(int) => Ok(Some(int)),
        Err(_) if text.starts_with(['-', '+']) => Ok(None),
        Err(_) if u64::from_str_radix(digits, radix).is_ok() => Err(TooLarge),
        Err(_) => Ok(None),
    }
}

fn radix(body: &str) -> (u32, &str) {
    let bytes = body.as_bytes();
    match bytes {
        [b'0', b'x' | b'X', ..] => (16, &body[2..]),
        [b'0', b'b' | b'B', ..] => (2, &body[2..]),
        [b'0', b'o' | b'O', ..] => (8, &body[2..]),
        [b'0', _, ..] => (8, &body[1..]),
        _ => (10, body),
    }
}

/// go-yaml also takes a sign after `0b` and `0o`.
fn inner_sign(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0b") {
        i64::from_str_radix(digits, 2).ok()
    } else {
        i64::from_str_radix(text.strip_prefix("0o")?, 8).ok()
    }
}

/// A decimal float; one beyond the range of `f64` stays a string.
fn float(text: &str) -> Option<Scalar> {
    is_decimal_float(text.as_bytes())
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .filter(|value| value.is_finite())
        .map(Scalar::Float)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &[u8]) -> bool {
    let digits = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = |rest: &[u8]| usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let mut rest = &text[sign(text)..];
    let whole = digits(rest);
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if whole == 0 && length == 0 {
            return false;
        }
        rest = &fraction[length..];
    } else if whole == 0 {
        return false;
    }
    let Some((b'e' | b'E', exponent)) = rest.split_first() else {
        return rest.is_empty();
    };
    let exponent = &exponent[sign(exponent)..];
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

fn binary(text: &str) -> Value {
    let compact: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    match STANDARD.decode(compact) {
        Ok(bytes) => Scalar::Str(Zeroizing::new(bytes)).into(),
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_plain_string, resolve};
    use crate::scalar::Scalar;
    use crate::tree::Value;

    fn show(text: &str) -> String {
        match resolve(text, false, None).unwrap() {
            Value::Scalar(scalar) => {
                let bytes = scalar.bytes();
                format!("{} {}", scalar.kind(), String::from_utf8_lossy(&bytes))
            }
            _ => "null".to_owned(),
        }
    }

    #[test]
    fn words_and_numbers_of_both_yaml_versions() {
        let cases = [
            ("0644", "int 420"),
            ("08", "float 8"),
            ("0b101", "int 5"),
            ("0b-101", "int -5"),
            ("0o17", "int 15"),
            ("-0x1F", "int -31"),
            ("1_000", "int 1000"),
            ("+12", "int 12"),
            ("1e3", "float 1000"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("-0.0", "float -0"),
            ("1e400", "str 1e400"),
            (".", "str ."),
            ("1:30", "str 1:30"),
            ("yes", "str yes"),
            ("TRUE", "bool True"),
            ("tRue", "str tRue"),
            ("~", "null"),
            ("0xZZ", "str 0xZZ"),
            ("12345678901234567890123", "float 12345678901234568000000"),
            ("2024-1-2", "time 2024-01-02T00:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(show(text), expected, "{text}");
        }
        assert!(resolve("18446744073709551615", false, None).is_err());
    }

    #[test]
    fn tags_decide_where_they_can() {
        let tag = |text: &str, kind: &str| {
            resolve(text, false, Some(&format!("tag:yaml.org,2002:{kind}"))).unwrap()
        };
        assert!(tag("5", "str") == Value::from("5"));
        assert!(tag("3", "float") == Scalar::Float(3.0).into());
        assert!(tag("abc", "int") == Value::Null);
        assert!(tag("aGVsbG8=", "binary") == Value::from("hello"));
        assert!(resolve("5", false, Some("!custom")).unwrap() == Value::from("5"));
    }

    #[test]
    fn strings_that_look_like_something_else_are_known() {
        for text in ["a", "a b", "1.2.3", "=", "-x"] {
            assert!(is_plain_string(text), "{text}");
        }
        for text in [
            "",
            "null",
            "1",
            "1.5",
            "2024-01-02",
            "<<",
            "18446744073709551615",
        ] {
            assert!(!is_plain_string(text), "{text}");
        }
    }
}
