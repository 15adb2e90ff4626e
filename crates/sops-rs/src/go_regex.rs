//! Regular expressions as Go understands them, which is how `sops` reads its rules.

use std::fmt;

mod translate;

use translate::translate;

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
    pub source: PatternProblem,
}

/// Why a text is no regular expression of Go.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternProblem {
    /// It is none for anybody.
    #[error(transparent)]
    Syntax(#[from] regex::Error),
    /// Something in it means nothing in Go, though perhaps elsewhere.
    #[error("`{0}` means nothing in Go")]
    Unknown(String),
    /// A repetition is repeated.
    #[error("`{0}` repeats what is repeated already")]
    Repetition(String),
    /// Something is repeated too often.
    #[error("`{0}` repeats more than 1000 times")]
    Count(String),
    /// A range ends before it begins.
    #[error("the range `{0}` ends before it begins")]
    Range(String),
    /// A class does not end.
    #[error("the class `{0}` has no `]`")]
    Unclosed(String),
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(source: impl Into<String>) -> Result<Self, PatternError> {
        let source = source.into();
        let regex = translate(&source).and_then(|translated| Ok(regex::Regex::new(&translated)?));
        match regex {
            Ok(regex) => Ok(Self { source, regex }),
            Err(problem) => Err(PatternError {
                pattern: source,
                source: problem,
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

    /// Verdicts of Go 1.26.
    #[test]
    fn what_is_no_pattern_of_go_is_an_error() {
        for (pattern, problem) in [
            ("[", "the class `[` has no `]`"),
            ("a++", "`+` repeats what is repeated already"),
            ("a{2}*", "`*` repeats what is repeated already"),
            ("a{1001}", "`{1001}` repeats more than 1000 times"),
            ("[a--b]", "the range `a--` ends before it begins"),
            (r"\u0061", r"`\u` means nothing in Go"),
            (r"(a)\1", r"`\1` means nothing in Go"),
            ("(?x)a", "`(?x` means nothing in Go"),
            ("(?=a)", "`(?=a` means nothing in Go"),
            ("[[:letter:]]", "`[:letter:]` means nothing in Go"),
        ] {
            let error = Pattern::new(pattern).unwrap_err();
            assert_eq!(error.source.to_string(), problem, "{pattern}");
        }
        let error = Pattern::new("[").unwrap_err();
        assert_eq!(error.to_string(), "`[` is not a regular expression");
    }

    #[test]
    fn braces_and_octal_digits_are_read_as_in_go() {
        assert!(matches("^{a}{,2}$", "{a}{,2}"));
        assert!(matches("^a{2,3}?$", "aa"));
        assert!(matches(r"^\101\0$", "A\0"));
        assert!(matches(r"^\p{^Greek}$", "a"));
        assert!(matches("^[!--x]+$", "-x!"));
    }
}
