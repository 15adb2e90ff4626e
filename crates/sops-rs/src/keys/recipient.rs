//! Whom a file is encrypted for.

use std::fmt;
use std::str::FromStr;

/// An age recipient: a public key.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: age::x25519::Recipient,
}

/// A text that is no recipient this crate can encrypt for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientError {
    /// It is not an age recipient.
    #[error("`{text}` is not an age recipient (`age1…`)")]
    Invalid {
        /// The text.
        text: String,
    },
    /// It is one, of a kind that is not supported.
    #[error("`{text}` is {kind}, which is not supported yet")]
    Unsupported {
        /// The text, shortened.
        text: String,
        /// The kind.
        kind: &'static str,
    },
}

impl Recipient {
    pub(super) fn of(key: age::x25519::Recipient) -> Self {
        Self {
            text: key.to_string(),
            key,
        }
    }

    pub(crate) fn as_age(&self) -> &dyn age::Recipient {
        &self.key
    }

    /// Returns the text of the public key.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if let Some(kind) = unsupported(text) {
            let text = text.chars().take(40).collect();
            return Err(RecipientError::Unsupported { text, kind });
        }
        match text.parse() {
            Ok(key) => Ok(Self {
                text: text.to_owned(),
                key,
            }),
            Err(_) => Err(RecipientError::Invalid {
                text: text.to_owned(),
            }),
        }
    }
}

fn unsupported(text: &str) -> Option<&'static str> {
    if text.starts_with("age1pq1") {
        Some("a post-quantum recipient")
    } else if text.starts_with("ssh-") {
        Some("an SSH key")
    } else if text.starts_with("age1") && text[4..].contains('1') {
        Some("a plugin's recipient")
    } else {
        None
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

#[cfg(test)]
mod tests {
    use super::Recipient;

    #[test]
    fn other_kinds_are_named() {
        let error = |text: &str| text.parse::<Recipient>().unwrap_err().to_string();
        let key = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
        assert_eq!(
            format!(" {key}\n").parse::<Recipient>().unwrap().as_str(),
            key
        );
        assert!(error("ssh-ed25519 AAAA").ends_with("is an SSH key, which is not supported yet"));
        assert!(error("age1pq1xyz").contains("a post-quantum recipient"));
        assert!(error("age1yubikey1xyz").contains("a plugin's recipient"));
        assert_eq!(
            error("age1zz"),
            "`age1zz` is not an age recipient (`age1…`)"
        );
    }
}
