//! The private keys.

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::recipient::Recipient;

/// An age identity: a private key. It cannot be printed by accident.
#[derive(Clone)]
pub struct Identity {
    key: age::x25519::Identity,
    recipient: Recipient,
}

/// A text that holds no identity this crate can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A line is no identity.
    #[error("line {line} is not an age identity (`AGE-SECRET-KEY-1…`)")]
    Invalid {
        /// The line, counted from 1.
        line: usize,
    },
    /// It is one, of a kind that is not supported.
    #[error("line {line} is {kind}, which is not supported yet")]
    Unsupported {
        /// The line, counted from 1.
        line: usize,
        /// The kind.
        kind: &'static str,
    },
    /// The whole is encrypted itself.
    #[error("the identity is protected by a passphrase, which is not supported yet")]
    Passphrase,
    /// There is none in it.
    #[error("it holds no identity")]
    None,
    /// It is no text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// It could not be read.
    #[error("it cannot be read: {problem}")]
    Unreadable {
        /// Why.
        problem: String,
    },
    /// The command that should print it failed.
    #[error("the command failed: {problem}")]
    Command {
        /// How.
        problem: String,
    },
}

impl Identity {
    /// Makes a new one of the operating system's randomness.
    pub fn generate() -> Self {
        Self::of(age::x25519::Identity::generate())
    }

    /// Reads one identity, without comments or other lines.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        Self::parse_line(text.trim(), 1)
    }

    pub(super) fn parse_line(text: &str, line: usize) -> Result<Self, IdentityError> {
        let kind = if text.starts_with("AGE-SECRET-KEY-PQ-") {
            Some("a post-quantum identity")
        } else if text.starts_with("AGE-PLUGIN-") {
            Some("a plugin's identity")
        } else if text.starts_with("-----BEGIN OPENSSH") || text.starts_with("-----BEGIN RSA") {
            Some("an SSH key")
        } else {
            None
        };
        if let Some(kind) = kind {
            return Err(IdentityError::Unsupported { line, kind });
        }
        let key = text.parse().map_err(|_| IdentityError::Invalid { line })?;
        Ok(Self::of(key))
    }

    fn of(key: age::x25519::Identity) -> Self {
        let recipient = Recipient::of(key.to_public());
        Self { key, recipient }
    }

    /// Returns its public key.
    pub fn recipient(&self) -> Recipient {
        self.recipient.clone()
    }

    /// Returns the text of the private key.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.to_string().expose_secret().to_owned())
    }

    pub(crate) fn as_age(&self) -> &dyn age::Identity {
        &self.key
    }
}
