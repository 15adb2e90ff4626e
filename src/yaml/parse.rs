//! Reading YAML into plain values.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The most bytes that a document may have: the Kubernetes API takes no object over 3 MiB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Why a text is not the YAML that was expected.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The text is not YAML, or holds what we do not accept.
    #[error("invalid YAML: {0}")]
    Syntax(String),
    /// The text is too large to be meant.
    #[error("{bytes} bytes of YAML are more than the {MAX_BYTES} that are read")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
}

/// Parses one document.
pub fn parse(text: &str) -> Result<Value, ParseError> {
    parse_as(text)
}

/// Parses one document of a known shape, such as the catalogue's own files.
pub fn parse_as<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    check_size(text)?;
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| syntax(&error))
}

/// Parses every document of a stream; empty ones are left out.
pub fn parse_documents(text: &str) -> Result<Vec<Value>, ParseError> {
    check_size(text)?;
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| syntax(&error))
}

/// Booleans are `true` and `false` only, `0775` is octal as in go-yaml, and aliases may not
/// multiply a document.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: 200,
            max_aliases: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
        },
    }
}

fn check_size(text: &str) -> Result<(), ParseError> {
    let bytes = text.len();
    if bytes > MAX_BYTES {
        return Err(ParseError::TooLarge { bytes });
    }
    Ok(())
}

fn syntax(error: &serde_saphyr::Error) -> ParseError {
    ParseError::Syntax(error.render_with_formatter(&serde_saphyr::UserMessageFormatter))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn reads_numbers_and_booleans_as_go_yaml_does_for_modes() {
        let value =
            parse("mode: 0775\nyes: yes\nflag: true\nsize: 10\nhex: 0x10\n").expect("valid");
        let expected = json!({"mode": 509, "yes": "yes", "flag": true, "size": 10, "hex": 16});
        assert_eq!(value, expected);
    }

    #[test]
    fn empty_documents_are_left_out() {
        let values = parse_documents("---\na: 1\n---\n---\nb: 2\n").expect("valid");
        assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let previous = format!("*a{}, ", level - 1).repeat(10);
            let items = previous.trim_end_matches(", ");
            writeln!(text, "a{level}: &a{level} [{items}]").expect("a string takes all");
        }
        assert!(parse(&text).is_err());
    }

    #[test]
    fn deep_nesting_and_large_texts_are_refused() {
        assert!(parse(&"[".repeat(5000)).is_err());
        let large = "a".repeat(MAX_BYTES + 1);
        assert!(matches!(parse(&large), Err(ParseError::TooLarge { .. })));
    }

    #[test]
    fn duplicate_keys_are_refused_with_their_place() {
        let error = parse("a: 1\nb: 2\na: 3\n")
            .expect_err("duplicate")
            .to_string();
        insta::assert_snapshot!(error, @"invalid YAML: duplicate mapping key: a not allowed here at line 3, column 1");
    }
}
