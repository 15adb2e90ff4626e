//! Labels that Kubernetes takes: an optional domain and a name, and a short value.

use std::collections::BTreeMap;

use super::{Findings, names};
use crate::spec::raw::{RawSpec, Text};

/// The longest name or value.
const LONGEST: usize = 63;

/// Reports labels of nodes and classes that Kubernetes would refuse.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let classes = spec.classes.values().map(|class| &class.labels);
    for labels in spec.nodes.iter().map(|node| &node.labels).chain(classes) {
        check_all(labels, findings);
    }
}

/// Reports keys that Kubernetes would refuse.
pub(super) fn check_keys(entries: &BTreeMap<String, Text>, findings: &mut Findings) {
    for (key, text) in entries {
        let (domain, name) = match key.split_once('/') {
            Some((domain, name)) => (Some(domain), name),
            None => (None, key.as_str()),
        };
        if !is_word(name) || domain.is_some_and(|domain| !names::is_domain(domain)) {
            let message = format!("expected a label such as `example.org/tier`, found `{key}`");
            findings.invalid(text.span, message);
        }
    }
}

fn check_all(labels: &BTreeMap<String, Text>, findings: &mut Findings) {
    check_keys(labels, findings);
    for (key, text) in labels {
        if !text.value.is_empty() && !is_word(&text.value) {
            let message = format!(
                "the value of `{key}` must be at most {LONGEST} letters, digits, `-`, `_` and `.`, \
                 with a letter or digit at both ends, found `{text}`"
            );
            findings.invalid(text.span, message);
        }
    }
}

fn is_word(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST && outer(bytes.first()) && outer(bytes.last()) && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_kubernetes() {
        let cases = [
            ("a", true),
            ("A-b_c.d9", true),
            ("-a", false),
            ("a.", false),
            ("a b", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_word(text), expected, "{text}");
        }
        assert!(is_word(&"a".repeat(63)) && !is_word(&"a".repeat(64)));
    }
}
