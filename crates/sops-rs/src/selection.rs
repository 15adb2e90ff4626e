//! Which values of a document are encrypted.
//!
//! A file follows one rule; `sops` refuses several, and so does this crate.

use crate::go_regex::{Pattern, PatternError};

/// The rule that selects the values to encrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// Everything: what a binary file has instead of a rule.
    All,
    /// Everything but what stands under a key with this ending.
    UnencryptedSuffix(String),
    /// What stands under a key with this ending.
    EncryptedSuffix(String),
    /// Everything but what stands under a key that matches.
    UnencryptedRegex(Pattern),
    /// What stands under a key that matches.
    EncryptedRegex(Pattern),
    /// Everything but what follows a comment that matches.
    UnencryptedCommentRegex(Pattern),
    /// What follows a comment that matches.
    EncryptedCommentRegex(Pattern),
}

/// A rule that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// Two or more of the six options are set.
    #[error("only one of {} can be set", names(fields))]
    Several {
        /// The options that are set.
        fields: Vec<&'static str>,
    },
    /// A regular expression does not compile.
    #[error("`{field}` is invalid")]
    Pattern {
        /// The option.
        field: &'static str,
        /// Why.
        #[source]
        source: PatternError,
    },
}

fn names(fields: &[&'static str]) -> String {
    let quoted: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    quoted.join(" and ")
}

/// The names of the six options, in the order in which they are looked for.
pub(crate) const FIELDS: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

impl Default for Selection {
    /// Everything but what stands under a key ending in `_unencrypted`.
    fn default() -> Self {
        Self::UnencryptedSuffix("_unencrypted".to_owned())
    }
}

impl Selection {
    /// Reads the six options; `None` when none is set.
    pub(crate) fn from_fields<'a>(
        get: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Result<Option<Self>, SelectionError> {
        let set: Vec<(&'static str, &str)> = FIELDS
            .into_iter()
            .filter_map(|field| {
                get(field)
                    .filter(|text| !text.is_empty())
                    .map(|text| (field, text))
            })
            .collect();
        match set[..] {
            [] => Ok(None),
            [(field, text)] => Self::from_field(field, text).map(Some),
            _ => Err(SelectionError::Several {
                fields: set.into_iter().map(|(field, _)| field).collect(),
            }),
        }
    }

    fn from_field(field: &'static str, text: &str) -> Result<Self, SelectionError> {
        let pattern =
            || Pattern::new(text).map_err(|source| SelectionError::Pattern { field, source });
        Ok(match field {
            "unencrypted_suffix" => Self::UnencryptedSuffix(text.to_owned()),
            "encrypted_suffix" => Self::EncryptedSuffix(text.to_owned()),
            "unencrypted_regex" => Self::UnencryptedRegex(pattern()?),
            "encrypted_regex" => Self::EncryptedRegex(pattern()?),
            "unencrypted_comment_regex" => Self::UnencryptedCommentRegex(pattern()?),
            _ => Self::EncryptedCommentRegex(pattern()?),
        })
    }

    /// Returns the name of the option and its text, as a file states them; `None` when it states
    /// none.
    pub fn as_field(&self) -> Option<(&'static str, &str)> {
        Some(match self {
            Self::All => return None,
            Self::UnencryptedSuffix(text) => (FIELDS[0], text),
            Self::EncryptedSuffix(text) => (FIELDS[1], text),
            Self::UnencryptedRegex(pattern) => (FIELDS[2], pattern.as_str()),
            Self::EncryptedRegex(pattern) => (FIELDS[3], pattern.as_str()),
            Self::UnencryptedCommentRegex(pattern) => (FIELDS[4], pattern.as_str()),
            Self::EncryptedCommentRegex(pattern) => (FIELDS[5], pattern.as_str()),
        })
    }

    /// Tells whether a key decides for what stands under it.
    pub(crate) fn matches_key(&self, key: &str) -> bool {
        match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => {
                key.ends_with(suffix)
            }
            Self::UnencryptedRegex(pattern) | Self::EncryptedRegex(pattern) => pattern.matches(key),
            Self::All | Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_) => false,
        }
    }

    /// Tells whether a comment decides for what follows it.
    pub(crate) fn matches_comment(&self, text: &str) -> bool {
        match self {
            Self::UnencryptedCommentRegex(pattern) | Self::EncryptedCommentRegex(pattern) => {
                pattern.matches(text)
            }
            _ => false,
        }
    }

    /// Tells whether a match means "encrypt".
    pub(crate) fn encrypts_matches(&self) -> bool {
        matches!(
            self,
            Self::EncryptedSuffix(_) | Self::EncryptedRegex(_) | Self::EncryptedCommentRegex(_)
        )
    }
}
