//! The words of labels, annotations and taints, as Kubernetes takes them.

use super::NodeName;

/// The longest name or value.
pub const LONGEST_WORD: usize = 63;

/// Tells whether a text is a word: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
pub fn is_word(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST_WORD
        && outer(bytes.first())
        && outer(bytes.last())
        && text.bytes().all(inner)
}

/// Tells whether a text is a DNS name: labels between dots, 253 letters at most.
pub fn is_domain(text: &str) -> bool {
    let label = |label: &str| label.parse::<NodeName>().is_ok();
    text.len() <= 253 && text.split('.').all(label)
}

/// Tells whether a text is a key: a word, perhaps with a DNS name and `/` before it.
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_domain(domain) && is_word(name),
        None => is_word(text),
    }
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

    #[test]
    fn keys_are_words_behind_domains() {
        for (text, expected) in [
            ("rack", true),
            ("example.org/rack", true),
            ("/rack", false),
            ("example.org/", false),
            ("a/b/c", false),
            ("-.org/rack", false),
        ] {
            assert_eq!(is_label_key(text), expected, "{text}");
        }
    }
}
