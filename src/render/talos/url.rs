//! URLs as Talos reads them, and as it merges them: part by part, so that what the patch's does not have
//! stays.

use serde_json::Value;

use super::MergeError;
use crate::model::LeafPath;

/// The parts of a URL, each empty when it is not there.
pub(super) struct Parts<'a> {
    pub(super) scheme: &'a str,
    /// What follows the scheme when that is no path.
    opaque: &'a str,
    user: &'a str,
    /// With the port.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    query: &'a str,
    fragment: &'a str,
}

/// Lays a URL over another; two logins cannot be merged.
pub(super) fn merge(left: &mut Value, right: &Value) -> Result<(), MergeError> {
    let (Some(before), Some(after)) = (left.as_str(), right.as_str()) else {
        left.clone_from(right);
        return Ok(());
    };
    let (before, after) = (Parts::of(before), Parts::of(after));
    if !before.user.is_empty() && !after.user.is_empty() {
        return Err(MergeError::Unmergeable(LeafPath::default()));
    }
    *left = before.under(&after).text().into();
    Ok(())
}

/// Reads a URL by the rules of Go's library; nothing for what it does not take for one.
pub(super) fn read(text: &str) -> Option<Parts<'_>> {
    let parts = Parts::of(text);
    let starts_with_colon = text.starts_with(':');
    let first = parts.path.split('/').next().unwrap_or_default();
    let ambiguous = parts.scheme.is_empty() && parts.host.is_empty() && first.contains(':');
    let escaped = [parts.user, parts.path, parts.fragment];
    let fits = !text.chars().any(|letter| letter.is_ascii_control())
        && !starts_with_colon
        && !ambiguous
        && escaped.into_iter().all(is_escaped)
        && is_host(parts.host);
    fits.then_some(parts)
}

/// Every `%` begins the number of a byte.
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let mut letters = rest.chars();
        let mut digit = || letters.next().is_some_and(|c| c.is_ascii_hexdigit());
        digit() && digit()
    })
}

/// A name or an address, that of version 6 in brackets, and perhaps a port.
fn is_host(text: &str) -> bool {
    let (name, port) = split_port(text);
    let bracketed = match name.strip_prefix('[') {
        Some(rest) => rest.ends_with(']'),
        None => true,
    };
    let letter = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"".contains(c)
    };
    let digits = |port: &str| port.chars().all(|c| c.is_ascii_digit());
    bracketed && name.chars().all(letter) && port.is_none_or(digits)
}

/// The colons of a bracketed address are none before a port.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((_, rest)) if rest.contains(']') => (host, None),
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    }
}

impl<'a> Parts<'a> {
    /// The host without its port.
    pub(super) fn name(&self) -> &'a str {
        split_port(self.host).0.trim_matches(['[', ']'])
    }

    /// The port, empty where there is none.
    pub(super) fn port(&self) -> &'a str {
        split_port(self.host).1.unwrap_or_default()
    }

    fn of(text: &'a str) -> Self {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = text
            .split_once(':')
            .filter(|(scheme, _)| is_scheme(scheme))
            .unwrap_or(("", text));
        let (authority, path, opaque) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (authority, path, "")
            }
            None if scheme.is_empty() || rest.starts_with('/') => ("", rest, ""),
            None => ("", "", rest),
        };
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        Self {
            scheme,
            opaque,
            user,
            host,
            path,
            query,
            fragment,
        }
    }

    fn under(&self, over: &Self) -> Self {
        let either = |under: &'a str, over: &'a str| if over.is_empty() { under } else { over };
        Self {
            scheme: either(self.scheme, over.scheme),
            opaque: either(self.opaque, over.opaque),
            user: either(self.user, over.user),
            host: either(self.host, over.host),
            path: either(self.path, over.path),
            query: either(self.query, over.query),
            fragment: either(self.fragment, over.fragment),
        }
    }

    fn text(&self) -> String {
        let part = |before: &str, part: &str, after: &str| match part {
            "" => String::new(),
            part => format!("{before}{part}{after}"),
        };
        let place = if self.opaque.is_empty() {
            let has_authority = !(self.user.is_empty() && self.host.is_empty());
            let slashes = if has_authority || !self.scheme.is_empty() {
                "//"
            } else {
                ""
            };
            let joint =
                if !self.host.is_empty() && !self.path.is_empty() && !self.path.starts_with('/') {
                    "/"
                } else {
                    ""
                };
            let user = part("", self.user, "@");
            format!("{slashes}{user}{}{joint}{}", self.host, self.path)
        } else {
            self.opaque.to_owned()
        };
        let (scheme, query) = (part("", self.scheme, ":"), part("?", self.query, ""));
        format!("{scheme}{place}{query}{}", part("#", self.fragment, ""))
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_patch_does_not_have_stays() {
        for (left, right, expected) in [
            ("https://a:6443", "https://b:6444", "https://b:6444"),
            ("https://a:6443/x?y=1", "https://b", "https://b/x?y=1"),
            ("udp://me:x@a:1", "tcp://a:2/z", "tcp://me:x@a:2/z"),
        ] {
            let mut url = json!(left);
            merge(&mut url, &json!(right)).expect("merges");
            assert_eq!(url, expected);
        }
        assert!(merge(&mut json!("https://a@b"), &json!("https://c@d")).is_err());
    }

    #[test]
    fn are_read_as_go_reads_them() {
        for (text, expected) in [
            (
                "https://a.example:6443/x?y=1",
                Some(["https", "a.example", "6443", "/x"]),
            ),
            (
                "https://[fd00::1]:6443",
                Some(["https", "fd00::1", "6443", ""]),
            ),
            ("a.example", Some(["", "", "", "a.example"])),
            ("udp://nas:/", Some(["udp", "nas", "", "/"])),
            ("10.0.0.1:5", None),
            ("http://[", None),
            ("http://a b/", None),
            ("http://a:b/", None),
            ("http://a/%zz", None),
            (":a", None),
        ] {
            let found = read(text).map(|url| [url.scheme, url.name(), url.port(), url.path]);
            assert_eq!(found, expected, "{text}");
        }
    }
}
