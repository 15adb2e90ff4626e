//! Texts that Talos reads as something else: addresses, lengths of time, sizes, bytes, URLs.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde_json::Value;

use super::Judge;
use crate::render::talos::fields::{self, Address, Field, Fields, Shape};
use crate::render::talos::url;

/// Checks every text of a document by the form that the table of fields gives it.
pub(super) fn check(document: &Value, judge: &mut Judge) {
    let kind = document["kind"].as_str().unwrap_or(fields::MAIN);
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
        Shape::Pem(keys) => {
            for value in keys.iter().filter_map(|key| value.get(key)) {
                judge.text(value, path, is_base64, "is no base64");
            }
        }
        _ => {
            if let Some((holds, what)) = form(shape, path) {
                judge.text(value, path, holds, what);
            }
        }
    }
}

/// Tells whether a text has its form.
type Form = fn(&str) -> bool;

/// The form of a text, and what is said of another.
fn form(shape: &Shape, path: &str) -> Option<(Form, &'static str)> {
    Some(match shape {
        Shape::Address(Address::Plain) => (
            |text| text.is_empty() || is_address(text),
            "is no address such as `10.0.0.1`",
        ),
        Shape::Address(Address::Network) => (
            |text| text.is_empty() || is_network(text),
            "is no address with the length of its network, such as `10.0.0.1/24`",
        ),
        Shape::Address(Address::Socket) => (
            |text| text.is_empty() || text.parse::<SocketAddr>().is_ok(),
            "is no address with a port, such as `10.0.0.1:51820`",
        ),
        Shape::Duration => (is_duration, "is no length of time such as `1m30s`"),
        Shape::Size => (is_size, "is no size such as `10GiB`"),
        Shape::Anew if path.ends_with("Size") => (
            |text| text.is_empty() || bytes(text).is_some(),
            "is no size such as `10GiB`",
        ),
        Shape::Url => (
            |text| text.is_empty() || url::read(text).is_some(),
            "is no URL",
        ),
        // Only the main document has bytes that are not those of a hardware address.
        Shape::Bytes if path.starts_with("machine.") => (is_base64, "is no base64"),
        Shape::Bytes => (is_hexadecimal, "is no hardware address"),
        _ => return None,
    })
}

/// An address; that of version 6 may name a zone.
pub(super) fn is_address(text: &str) -> bool {
    let zoned = text
        .split_once('%')
        .is_some_and(|(address, zone)| address.contains(':') && !zone.is_empty());
    let address = text.split('%').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok() && (zoned || !text.contains('%'))
}

/// An address with the length of its network.
pub(super) fn is_network(text: &str) -> bool {
    text.parse::<IpNet>().is_ok()
}

fn is_base64(text: &str) -> bool {
    decoded(text).is_some()
}

/// 32 bytes in base64.
pub(super) fn is_wireguard_key(text: &str) -> bool {
    decoded(text).is_some_and(|bytes| bytes.len() == 32)
}

/// Base64 as Go reads it, over lines.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace(['\n', '\r'], "")).ok()
}

fn is_hexadecimal(text: &str) -> bool {
    let digits = text.replace(':', "");
    digits.len().is_multiple_of(2) && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

/// As Go reads it: `1h2m3.5s`.
pub(super) fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    if text == "0" {
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
    !text.is_empty()
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

/// Tells whether a length of time is below zero.
pub(super) fn is_negative(text: &str) -> bool {
    seconds(text).is_some_and(|seconds| seconds < 0.0)
}

/// Bytes with a unit, or percent; what is to be left free has a minus before it.
fn is_size(text: &str) -> bool {
    let share = |text: &str| {
        let share = text.trim_start_matches('-').parse::<f64>();
        share.is_ok_and(|share| (0.0..=100.0).contains(&share))
    };
    text.is_empty() || text.strip_suffix('%').map_or(bytes(text).is_some(), share)
}

/// Returns the bytes of a size that is not in percent.
pub(super) fn bytes(text: &str) -> Option<f64> {
    const ROOM: f64 = 18_446_744_073_709_551_616.0;
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
    let bytes = number * base.powi(i32::try_from(power).ok()?);
    (bytes < ROOM).then_some(bytes)
}
