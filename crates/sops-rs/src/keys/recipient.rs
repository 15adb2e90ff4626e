//! Whom a file is encrypted for.

#![expect(
    clippy::disallowed_types,
    reason = "age's trait returns labels in a hash set"
)]

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use age_core::format::{FileKey, Stanza};

use super::post_quantum;

/// An age recipient: a public key.
///
/// ```
/// use sops_rs::{Recipient, RecipientKind};
///
/// let text = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
/// let recipient: Recipient = text.parse()?;
/// assert_eq!(recipient.as_str(), text);
/// assert_eq!(recipient.kind(), RecipientKind::X25519);
/// # Ok::<(), sops_rs::RecipientError>(())
/// ```
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    PostQuantum(Box<post_quantum::Recipient>),
    Tag(Box<age::tag::Recipient>),
    TagPostQuantum(Box<age::tagpq::Recipient>),
    #[cfg(feature = "ssh")]
    Ssh(Box<age::ssh::Recipient>),
    #[cfg(feature = "plugin")]
    Plugin(age::plugin::Recipient),
}

/// The kinds of age recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecipientKind {
    /// The usual one: `age1…`.
    X25519,
    /// Hybrid and safe against quantum computers: `age1pq1…`.
    PostQuantum,
    /// A key in hardware, for which files are encrypted without its plugin: `age1tag1…` and
    /// `age1tagpq1…`.
    Tag,
    /// An SSH key: `ssh-ed25519 …`.
    SshEd25519,
    /// An SSH key: `ssh-rsa …`.
    SshRsa,
    /// A key that a program `age-plugin-NAME` knows how to use: `age1NAME1…`.
    Plugin,
}

/// A text that is no recipient this crate can encrypt for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientError {
    /// It is not an age recipient.
    #[error("`{text}` is not an age recipient (`age1…`, `ssh-ed25519 …` or `ssh-rsa …`)")]
    Invalid {
        /// The text, shortened.
        text: String,
    },
    /// It looks like one, and is damaged.
    #[error("`{text}` starts like {kind}, and is damaged")]
    Damaged {
        /// The text, shortened.
        text: String,
        /// What it looks like.
        kind: RecipientKind,
    },
    /// It is an SSH key of a kind or size that age does not encrypt for.
    #[error("`{text}` is an SSH key that age does not encrypt for: {problem}")]
    UnsupportedSsh {
        /// The text, shortened.
        text: String,
        /// Why.
        problem: String,
    },
    /// It is a private key.
    #[error("a private key stands where a public one is expected")]
    Private,
    /// It needs a feature of this crate that is switched off.
    #[error("`{text}` is {kind}, for which this program was built without support")]
    Unsupported {
        /// The text, shortened.
        text: String,
        /// The kind.
        kind: RecipientKind,
    },
}

impl fmt::Display for RecipientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X25519 => "an age recipient",
            Self::PostQuantum => "a post-quantum recipient",
            Self::Tag => "a hardware key's recipient",
            Self::SshEd25519 => "an SSH key (ed25519)",
            Self::SshRsa => "an SSH key (RSA)",
            Self::Plugin => "a plugin's recipient",
        })
    }
}

impl RecipientKind {
    /// Tells the kind from how a text starts, as `sops` does.
    fn of(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("age1");
        Some(match rest {
            Some(rest) if rest.starts_with("pq1") => Self::PostQuantum,
            Some(rest) if rest.starts_with("tag1") || rest.starts_with("tagpq1") => Self::Tag,
            Some(rest) if rest.contains('1') => Self::Plugin,
            Some(_) => Self::X25519,
            None if text.starts_with("ssh-rsa ") => Self::SshRsa,
            None if text.starts_with("ssh-") => Self::SshEd25519,
            None => return None,
        })
    }
}

impl Recipient {
    pub(super) fn x25519(key: age::x25519::Recipient) -> Self {
        Self {
            text: key.to_string(),
            key: Key::X25519(key),
        }
    }

    pub(super) fn post_quantum(key: post_quantum::Recipient) -> Self {
        Self {
            text: key.to_string(),
            key: Key::PostQuantum(Box::new(key)),
        }
    }

    #[cfg(feature = "ssh")]
    pub(super) fn ssh(key: age::ssh::Recipient) -> Self {
        Self {
            text: key.to_string(),
            key: Key::Ssh(Box::new(key)),
        }
    }

    /// Returns the text of the public key, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns its kind.
    pub fn kind(&self) -> RecipientKind {
        match &self.key {
            Key::X25519(_) => RecipientKind::X25519,
            Key::PostQuantum(_) => RecipientKind::PostQuantum,
            Key::Tag(_) | Key::TagPostQuantum(_) => RecipientKind::Tag,
            #[cfg(feature = "ssh")]
            Key::Ssh(key) => match **key {
                age::ssh::Recipient::SshRsa(..) => RecipientKind::SshRsa,
                age::ssh::Recipient::SshEd25519(..) => RecipientKind::SshEd25519,
            },
            #[cfg(feature = "plugin")]
            Key::Plugin(_) => RecipientKind::Plugin,
        }
    }

    /// Returns the name of the plugin it needs, as in `age-plugin-NAME`.
    pub fn plugin(&self) -> Option<&str> {
        match &self.key {
            #[cfg(feature = "plugin")]
            Key::Plugin(key) => Some(key.plugin()),
            _ => None,
        }
    }

    /// Tells whether both name the same key; the comment of an SSH key does not count.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key_text() == other.key_text()
    }

    /// The text without what is no part of the key.
    fn key_text(&self) -> &str {
        match self.text.match_indices(' ').nth(1) {
            Some((end, _)) => &self.text[..end],
            None => &self.text,
        }
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        match &self.key {
            Key::X25519(key) => key.wrap_file_key(file_key),
            Key::PostQuantum(key) => key.wrap_file_key(file_key),
            Key::Tag(key) => key.wrap_file_key(file_key),
            Key::TagPostQuantum(key) => key.wrap_file_key(file_key),
            #[cfg(feature = "ssh")]
            Key::Ssh(key) => key.wrap_file_key(file_key),
            #[cfg(feature = "plugin")]
            Key::Plugin(key) => {
                let keys = std::slice::from_ref(key);
                age::plugin::RecipientPluginV1::new(key.plugin(), keys, &[], age::NoCallbacks)
                    .map_err(age::EncryptError::PluginResolve)?
                    .wrap_file_key(file_key)
            }
        }
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        let private = |start: &str| {
            let found = text.get(..start.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(start))
        };
        if private("AGE-") || private("-----BEGIN") {
            return Err(RecipientError::Private);
        }
        let kind = RecipientKind::of(text).ok_or_else(|| RecipientError::Invalid {
            text: shortened(text),
        })?;
        Ok(Self {
            text: text.to_owned(),
            key: parse(text, kind)?,
        })
    }
}

fn parse(text: &str, kind: RecipientKind) -> Result<Key, RecipientError> {
    let damaged = || RecipientError::Damaged {
        text: shortened(text),
        kind,
    };
    match kind {
        RecipientKind::X25519 => text.parse().map(Key::X25519).map_err(|_| damaged()),
        RecipientKind::PostQuantum => match text.parse() {
            Ok(key) => Ok(Key::PostQuantum(Box::new(key))),
            Err(_) => Err(damaged()),
        },
        RecipientKind::Tag => {
            let plain = text.parse().map(|key| Key::Tag(Box::new(key)));
            let hybrid = || text.parse().map(|key| Key::TagPostQuantum(Box::new(key)));
            plain.or_else(|_| hybrid()).map_err(|_| damaged())
        }
        RecipientKind::SshEd25519 | RecipientKind::SshRsa => parse_ssh(text, kind),
        RecipientKind::Plugin => parse_plugin(text, kind),
    }
}

#[cfg(feature = "ssh")]
fn parse_ssh(text: &str, kind: RecipientKind) -> Result<Key, RecipientError> {
    use age::ssh::ParseRecipientKeyError as Error;
    let unsupported = |problem: String| RecipientError::UnsupportedSsh {
        text: shortened(text),
        problem,
    };
    // age's parser wants to see what ends the key.
    format!("{text}\n")
        .parse()
        .map(|key| Key::Ssh(Box::new(key)))
        .map_err(|error| match error {
            Error::RsaModulusTooLarge => unsupported("it has more than 4096 bits".to_owned()),
            Error::RsaModulusTooSmall => unsupported("it has fewer than 2048 bits".to_owned()),
            Error::Unsupported(name) => unsupported(format!("its kind is `{name}`")),
            _ => RecipientError::Damaged {
                text: shortened(text),
                kind,
            },
        })
}

#[cfg(feature = "plugin")]
fn parse_plugin(text: &str, kind: RecipientKind) -> Result<Key, RecipientError> {
    text.parse()
        .map(Key::Plugin)
        .map_err(|_| RecipientError::Damaged {
            text: shortened(text),
            kind,
        })
}

#[cfg(not(feature = "ssh"))]
fn parse_ssh(text: &str, kind: RecipientKind) -> Result<Key, RecipientError> {
    let text = shortened(text);
    Err(RecipientError::Unsupported { text, kind })
}

#[cfg(not(feature = "plugin"))]
fn parse_plugin(text: &str, kind: RecipientKind) -> Result<Key, RecipientError> {
    let text = shortened(text);
    Err(RecipientError::Unsupported { text, kind })
}

/// A post-quantum recipient has 1,959 characters: a message shows the first of them.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 70;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
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
    use super::{Recipient, RecipientKind};

    const KEY: &str = "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun";
    const SSH: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID+Wi8WZw2bXfBpcs/WECttCzP39OkenS6pHWHWGFJvN";

    fn parse(text: &str) -> Recipient {
        text.parse().unwrap()
    }

    fn error(text: &str) -> String {
        text.parse::<Recipient>().unwrap_err().to_string()
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(parse(&format!(" {KEY}\n")).as_str(), KEY);
        assert_eq!(parse(KEY).kind(), RecipientKind::X25519);
        let pq = include_str!("../../tests/data/keys/age-pq-mock.pub");
        assert_eq!(parse(pq).kind(), RecipientKind::PostQuantum);
        assert_eq!(parse(pq).as_str(), pq.trim());
        assert_eq!(parse(SSH).kind(), RecipientKind::SshEd25519);
    }

    #[test]
    fn the_comment_of_an_ssh_key_is_kept_and_does_not_count() {
        let commented = parse(&format!("{SSH} ada@example"));
        assert_eq!(commented.as_str(), format!("{SSH} ada@example"));
        assert!(commented.is_same_key(&parse(SSH)));
        assert_ne!(commented, parse(SSH));
        assert!(!commented.is_same_key(&parse(KEY)));
    }

    #[test]
    fn what_is_no_recipient_says_what_it_is() {
        assert_eq!(
            error("age1zz"),
            "`age1zz` starts like an age recipient, and is damaged"
        );
        assert!(error("nobody").starts_with("`nobody` is not an age recipient"));
        assert!(error("age1pq1xyz").contains("post-quantum"));
        assert!(error("age1yubikey1xyz").contains("a plugin's recipient"));
        assert!(error("ssh-ed25519 AAAA").contains("an SSH key (ed25519)"));
        let private = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";
        let text = error(private);
        assert!(!text.contains("SECRET"), "{text}");
    }
}
