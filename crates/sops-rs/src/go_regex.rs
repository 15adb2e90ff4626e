//! Regular expressions as Go understands them, which is how `sops` reads its rules.
//!
//! The languages are close relatives. Three differences are bridged: `\d \w \s \b` are ASCII in
//! Go, `\Q…\E` quotes, and inside a class `[`, `&&`, `--` and `~~` are plain characters.

use std::fmt;

/// A regular expression with the text it was written as.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: regex::Regex,
}

/// A text that is no regular expression. `sops` would take it for one that never matches.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{pattern}` is not a regular expression")]
pub struct PatternError {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: regex::Error,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(source: impl Into<String>) -> Result<Self, PatternError> {
        let source = source.into();
        match regex::Regex::new(&translate(&source)) {
            Ok(regex) => Ok(Self { source, regex }),
            Err(error) => Err(PatternError {
                pattern: source,
                source: error,
            }),
        }
    }

    /// Tells whether it matches anywhere in a text.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Returns the text it was written as.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

/// Rewrites a Go pattern for the `regex` crate.
fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 8);
    let mut rest = source;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(literal));
            rest = after;
        } else if c == '\\' {
            let escaped = tail.chars().next();
            rest = &tail[escaped.map_or(0, char::len_utf8)..];
            push_escape(&mut out, escaped, in_class);
        } else if in_class {
            rest = push_in_class(&mut out, rest, &mut in_class);
        } else if c == '[' {
            in_class = true;
            rest = open_class(&mut out, tail);
        } else {
            out.push(c);
            rest = tail;
        }
    }
    out
}

fn push_escape(out: &mut String, escaped: Option<char>, in_class: bool) {
    out.push_str(match (escaped, in_class) {
        (Some('d'), false) => "[0-9]",
        (Some('d'), true) => "0-9",
        (Some('D'), _) => "[^0-9]",
        (Some('w'), false) => "[0-9A-Za-z_]",
        (Some('w'), true) => "0-9A-Za-z_",
        (Some('W'), _) => "[^0-9A-Za-z_]",
        (Some('s'), false) => "[\\t\\n\\f\\r ]",
        (Some('s'), true) => "\\t\\n\\f\\r ",
        (Some('S'), _) => "[^\\t\\n\\f\\r ]",
        (Some('b'), false) => "(?-u:\\b)",
        (Some('B'), false) => "(?-u:\\B)",
        (escaped, _) => {
            out.push('\\');
            return out.extend(escaped);
        }
    });
}

/// Copies the start of a class: `^`, and a `]` that stands first and so is a character.
fn open_class<'a>(out: &mut String, mut tail: &'a str) -> &'a str {
    out.push('[');
    for (sign, text) in [("^", "^"), ("]", "\\]")] {
        if let Some(after) = tail.strip_prefix(sign) {
            out.push_str(text);
            tail = after;
        }
    }
    tail
}

fn push_in_class<'a>(out: &mut String, rest: &'a str, in_class: &mut bool) -> &'a str {
    if rest.starts_with("[:")
        && let Some(end) = rest.find(":]")
    {
        out.push_str(&rest[..end + 2]);
        return &rest[end + 2..];
    }
    let Some(c) = rest.chars().next() else {
        return rest;
    };
    let tail = &rest[c.len_utf8()..];
    match c {
        '[' => out.push_str("\\["),
        '&' | '~' => {
            out.push('\\');
            out.push(c);
        }
        '-' if tail.starts_with('-') => out.push_str("\\-"),
        ']' => {
            *in_class = false;
            out.push(c);
        }
        _ => out.push(c),
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn matches_as_go_does() {
        assert!(matches("^(data|stringData)$", "data"));
        assert!(!matches("^(data|stringData)$", "metadata"));
        assert!(matches("data", "metadata"), "unanchored");
        assert!(!matches(r"\d", "٣"), "digits are ASCII");
        assert!(matches(r"[^\W]", "a"));
        assert!(!matches(r"^[\w.-]+$", "é"));
        assert!(matches(r"\Qa.b\E$", "xa.b"));
        assert!(!matches(r"\Qa.b\E$", "axb"));
        assert!(matches("^[[a]$", "["));
        assert!(matches("^[a&&b]+$", "a&b"));
        assert!(matches("^[]x]+$", "]x"));
        assert!(matches("^[[:alpha:]]+$", "abc"));
        assert!(matches("(?i)^PASS", "password"));
        assert!(matches(
            r"secrets/.*\.sops\.ya?ml$",
            "cluster/secrets/x.sops.yaml"
        ));
    }

    #[test]
    fn what_is_no_pattern_is_an_error() {
        let error = Pattern::new("[").unwrap_err();
        assert_eq!(error.to_string(), "`[` is not a regular expression");
    }
}
