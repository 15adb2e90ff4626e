//! Texts that Talos reads as something else: addresses, lengths of time, sizes.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::Value;

use super::Judge;
use crate::render::talos::fields::{self, Field, Fields, Shape};

/// Checks every text of a document by the form that the table of fields gives it.
pub(super) fn check(document: &Value, judge: &mut Judge) {
    let kind = document["kind"].as_str().unwrap_or("v1alpha1");
    if let Some(fields) = fields::kind(kind) {
        group(fields, document, "", judge);
    }
}

fn group(fields: &Fields, value: &Value, path: &str, judge: &mut Judge) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if let Some(field) = fields.get(key.as_str()) {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            shaped(&field.shape, field, value, &path, judge);
        }
    }
}

fn shaped(shape: &Shape, field: &Field, value: &Value, path: &str, judge: &mut Judge) {
    match shape {
        Shape::Group { .. } => group(&field.fields, value, path, judge),
        Shape::List(item) => {
            for value in value.as_array().into_iter().flatten() {
                shaped(item, field, value, path, judge);
            }
        }
        Shape::Map(item) => {
            for (_, value) in value.as_object().into_iter().flatten() {
                shaped(item, field, value, path, judge);
            }
        }
        Shape::Address => judge.text(
            value,
            path,
            |text| text.is_empty() || is_address(text),
            "is no address or network",
        ),
        Shape::Duration => judge.text(
            value,
            path,
            is_duration,
            "is no length of time such as `1m30s`",
        ),
        Shape::Size => judge.text(value, path, is_size, "is no size such as `10GiB`"),
        _ => {}
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
        || text.parse::<IpNet>().is_ok()
        || text.parse::<SocketAddr>().is_ok()
}

/// As Go reads it: `1h2m3.5s`.
pub(super) fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(text, "" | "0") {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &rest[..rest.len() - digits.len()];
        let unit = digits.trim_start_matches(char::is_alphabetic);
        let word = &digits[..digits.len() - unit.len()];
        if number.parse::<f64>().is_err()
            || !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&word)
        {
            return false;
        }
        rest = unit;
    }
    true
}

/// Returns the seconds of a length of time.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let negative = text.starts_with('-');
    let mut rest = text.trim_start_matches(['-', '+']);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number: f64 = rest[..rest.len() - digits.len()].parse().ok()?;
        let unit = digits.trim_start_matches(char::is_alphabetic);
        seconds += number
            * match &digits[..digits.len() - unit.len()] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "" => 0.0,
                _ => 1e-6,
            };
        rest = unit;
    }
    Some(if negative { -seconds } else { seconds })
}

/// Bytes with a unit, or percent; a size to be left free has a minus before it.
pub(super) fn is_size(text: &str) -> bool {
    text.is_empty()
        || text.ends_with('%') && text.trim_end_matches('%').trim().parse::<f64>().is_ok()
        || bytes(text).is_some()
}

/// Returns the bytes of a size that is not in percent.
pub(super) fn bytes(text: &str) -> Option<f64> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
    let number: f64 = text[..text.len() - unit.len()]
        .replace(',', "")
        .parse()
        .ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, base) = match unit.strip_suffix('i') {
        Some(prefix) => (prefix, 1024.0_f64),
        None => (unit, 1000.0),
    };
    let power = ["", "k", "m", "g", "t", "p", "e"]
        .iter()
        .position(|known| *known == prefix)?;
    Some(number * base.powi(i32::try_from(power).ok()?))
}
