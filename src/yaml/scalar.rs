//! What a plain (unquoted) scalar means: YAML 1.2's core schema, with YAML 1.1's octal numbers.
//!
//! `yes`, `on` and their like are texts; where a boolean is wanted, that is reported.

use serde_json::{Number, Value};

/// Why a plain scalar has no value in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFinite;

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Result<Value, NotFinite> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(NotFinite);
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Ok(text.into());
    }
    match integer(text, unsigned) {
        Some(value) => Ok(value),
        None => float(text, unsigned),
    }
}

fn integer(text: &str, unsigned: &str) -> Option<Value> {
    let negative = text.starts_with('-');
    let (digits, radix) = if let Some(digits) = unsigned.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = unsigned.strip_prefix("0o") {
        (digits, 8)
    } else if unsigned.len() > 1 && unsigned.starts_with('0') {
        (&unsigned[1..], 8)
    } else {
        (unsigned, 10)
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    if negative {
        i64::from_str_radix(&format!("-{digits}"), radix)
            .ok()
            .map(Value::from)
    } else {
        u64::from_str_radix(digits, radix).ok().map(Value::from)
    }
}

fn float(text: &str, unsigned: &str) -> Result<Value, NotFinite> {
    let shape = unsigned
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    match text.parse::<f64>() {
        Ok(value) if shape => Number::from_f64(value).map(Value::Number).ok_or(NotFinite),
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn follows_the_core_schema_and_octal_modes() {
        let cases = [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("yes", json!("yes")),
            ("0", json!(0)),
            ("-7", json!(-7)),
            ("0775", json!(509)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("1_000", json!("1_000")),
            ("v1.36.4", json!("v1.36.4")),
            ("1.36.4", json!("1.36.4")),
            ("10.42.0.0/16", json!("10.42.0.0/16")),
            ("52:54:00:00:00:01", json!("52:54:00:00:00:01")),
            ("18446744073709551615", json!(u64::MAX)),
            ("infinity", json!("infinity")),
            ("+", json!("+")),
            ("..", json!("..")),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), Ok(expected), "{text}");
        }
        assert_eq!(resolve("-.inf"), Err(NotFinite));
        assert_eq!(resolve("1e999"), Err(NotFinite));
    }
}
