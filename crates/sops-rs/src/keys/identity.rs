//! The private keys.
//!
//! An identity is used through [`Identity::unwrap_stanzas`] only, which tells why it could not be:
//! age's own error has no room for a passphrase that nobody gave.

use std::fmt;
use std::sync::Arc;

use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use super::passphrase::PassphraseFile;
#[cfg(feature = "plugin")]
use super::plugin::PluginKey;
use super::post_quantum;
use super::prompt::SharedPrompt;
use super::recipient::Recipient;
#[cfg(feature = "ssh")]
use super::ssh::SshKey;

/// An age identity: a private key. It cannot be printed by accident.
///
/// ```
/// use sops_rs::{Identity, IdentityKind};
///
/// let identity = Identity::generate_post_quantum();
/// assert_eq!(identity.kind(), IdentityKind::PostQuantum);
/// let recipient = identity.recipient().expect("it was made just now");
/// assert!(recipient.as_str().starts_with("age1pq1"));
///
/// let text = identity.to_text().expect("it has one");
/// let again = Identity::parse(&text)?;
/// assert_eq!(again.recipient(), Some(recipient));
/// # Ok::<(), sops_rs::IdentityError>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    key: Arc<Key>,
    recipient: Option<Recipient>,
}

enum Key {
    X25519(age::x25519::Identity),
    PostQuantum(Box<post_quantum::Identity>),
    #[cfg(feature = "ssh")]
    Ssh(Box<SshKey>),
    #[cfg(feature = "plugin")]
    Plugin(PluginKey),
    Passphrase(PassphraseFile),
}

/// The kinds of identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityKind {
    /// The usual one: `AGE-SECRET-KEY-1…`.
    X25519,
    /// Hybrid and safe against quantum computers: `AGE-SECRET-KEY-PQ-1…`.
    PostQuantum,
    /// An SSH key, perhaps protected by a passphrase.
    Ssh,
    /// One that a program `age-plugin-NAME` knows how to use: `AGE-PLUGIN-NAME-1…`.
    Plugin,
    /// A whole file of identities that is protected by a passphrase.
    Passphrase,
}

/// A text that holds no identity this crate can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A line is no identity.
    #[error(
        "it is not an age identity (`AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…` or `AGE-PLUGIN-…`)"
    )]
    Invalid,
    /// A line is a public key.
    #[error("it is a public key; the private one is needed")]
    Public,
    /// It is an SSH key that cannot be used.
    #[error("the SSH key cannot be used: {problem}")]
    Ssh {
        /// Why.
        problem: String,
    },
    /// It needs a feature of this crate that is switched off.
    #[error("it is {kind}, for which this program was built without support")]
    Unsupported {
        /// The kind.
        kind: IdentityKind,
    },
    /// It is an age file, encrypted for keys instead of a passphrase, or damaged.
    #[error("it is an age file that no passphrase opens")]
    NotPassphrase,
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
    /// Others can read the file.
    #[error("others can read the private key (mode {mode:04o})")]
    Exposed {
        /// The permissions of the file.
        mode: u32,
    },
}

/// An identity that might have opened a file and could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityFailure {
    /// Its passphrase was not given.
    #[error("its passphrase was not given")]
    NoPassphrase,
    /// Its passphrase was wrong.
    #[error("its passphrase was wrong")]
    WrongPassphrase,
    /// What the passphrase opens is no list of identities.
    #[error("line {line} of what the passphrase opens: {error}")]
    Contents {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        error: IdentityError,
    },
    /// Its plugin is not installed, or failed.
    #[error("`age-plugin-{plugin}`: {problem}")]
    Plugin {
        /// The name of the plugin.
        plugin: String,
        /// What happened.
        problem: String,
    },
    /// The wrapped key is damaged.
    #[error("{problem}")]
    Age {
        /// What age says.
        problem: String,
    },
}

impl From<age::DecryptError> for IdentityFailure {
    fn from(error: age::DecryptError) -> Self {
        Self::Age {
            problem: error.to_string(),
        }
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X25519 => "an age identity",
            Self::PostQuantum => "a post-quantum identity",
            Self::Ssh => "an SSH key",
            Self::Plugin => "a plugin's identity",
            Self::Passphrase => "a file protected by a passphrase",
        })
    }
}

impl Identity {
    /// Makes a new X25519 key of the operating system's randomness.
    pub fn generate() -> Self {
        Self::x25519(age::x25519::Identity::generate())
    }

    /// Makes a new post-quantum hybrid key of the operating system's randomness. Files for it open
    /// with age 1.3, `sops` 3.12 and later.
    pub fn generate_post_quantum() -> Self {
        Self::post_quantum(post_quantum::Identity::generate())
    }

    /// Reads one identity of a key file, without comments or other lines.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        Self::parse_line(text.trim(), &SharedPrompt::default())
    }

    pub(super) fn parse_line(
        text: &str,
        #[cfg_attr(not(feature = "plugin"), expect(unused, reason = "plugins alone ask"))]
        prompt: &SharedPrompt,
    ) -> Result<Self, IdentityError> {
        if text.starts_with("AGE-SECRET-KEY-PQ-") {
            return text
                .parse()
                .map(Self::post_quantum)
                .map_err(|_| IdentityError::Invalid);
        }
        if text.starts_with("AGE-PLUGIN-") {
            #[cfg(feature = "plugin")]
            return PluginKey::parse(text, prompt)
                .map(|key| Self::of(Key::Plugin(key), None))
                .ok_or(IdentityError::Invalid);
            #[cfg(not(feature = "plugin"))]
            return Err(IdentityError::Unsupported {
                kind: IdentityKind::Plugin,
            });
        }
        if text.starts_with("age1") || text.starts_with("ssh-") {
            return Err(IdentityError::Public);
        }
        text.parse()
            .map(Self::x25519)
            .map_err(|_| IdentityError::Invalid)
    }

    fn of(key: Key, recipient: Option<Recipient>) -> Self {
        Self {
            key: Arc::new(key),
            recipient,
        }
    }

    fn x25519(key: age::x25519::Identity) -> Self {
        let recipient = Recipient::x25519(key.to_public());
        Self::of(Key::X25519(key), Some(recipient))
    }

    fn post_quantum(key: post_quantum::Identity) -> Self {
        let recipient = Recipient::post_quantum(key.to_public());
        Self::of(Key::PostQuantum(Box::new(key)), Some(recipient))
    }

    #[cfg(feature = "ssh")]
    pub(super) fn ssh(key: SshKey) -> Self {
        let recipient = key.recipient().clone();
        Self::of(Key::Ssh(Box::new(key)), Some(recipient))
    }

    pub(super) fn passphrase_file(file: PassphraseFile) -> Self {
        Self::of(Key::Passphrase(file), None)
    }

    /// Returns its kind.
    pub fn kind(&self) -> IdentityKind {
        match *self.key {
            Key::X25519(_) => IdentityKind::X25519,
            Key::PostQuantum(_) => IdentityKind::PostQuantum,
            #[cfg(feature = "ssh")]
            Key::Ssh(_) => IdentityKind::Ssh,
            #[cfg(feature = "plugin")]
            Key::Plugin(_) => IdentityKind::Plugin,
            Key::Passphrase(_) => IdentityKind::Passphrase,
        }
    }

    /// Returns its public key. A plugin keeps it to itself, and that of a protected file is not
    /// known before somebody types the passphrase.
    pub fn recipient(&self) -> Option<Recipient> {
        self.recipient.clone()
    }

    /// Returns what may be shown of it: its public key, or what it is.
    pub fn public_part(&self) -> String {
        match (&*self.key, &self.recipient) {
            #[cfg(feature = "plugin")]
            (Key::Plugin(key), _) => format!("an identity of `age-plugin-{}`", key.plugin()),
            (Key::Passphrase(file), _) => file.public_part(),
            (_, Some(recipient)) => recipient.to_string(),
            (_, None) => self.kind().to_string(),
        }
    }

    /// Returns the line of the private key, as a key file has it. SSH keys and protected files
    /// have none.
    pub fn to_text(&self) -> Option<Zeroizing<String>> {
        use age::secrecy::ExposeSecret;
        match &*self.key {
            Key::X25519(key) => {
                let text = key.to_string();
                Some(Zeroizing::new(text.expose_secret().to_owned()))
            }
            Key::PostQuantum(key) => Some(key.to_text()),
            #[cfg(feature = "plugin")]
            Key::Plugin(key) => Some(key.to_text()),
            #[cfg(feature = "ssh")]
            Key::Ssh(_) => None,
            Key::Passphrase(_) => None,
        }
    }

    /// Tells whether using it may need a person: a passphrase to type, a key to touch.
    pub fn is_interactive(&self) -> bool {
        match &*self.key {
            Key::X25519(_) | Key::PostQuantum(_) => false,
            #[cfg(feature = "ssh")]
            Key::Ssh(key) => key.is_locked(),
            #[cfg(feature = "plugin")]
            Key::Plugin(_) => true,
            Key::Passphrase(file) => file.is_locked(),
        }
    }

    /// Tries to unwrap the file key of an age file; `None` when the file is for others.
    pub(crate) fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<Result<FileKey, IdentityFailure>> {
        use age::Identity as _;
        match &*self.key {
            Key::X25519(key) => key
                .unwrap_stanzas(stanzas)
                .map(|key| key.map_err(Into::into)),
            Key::PostQuantum(key) => key
                .unwrap_stanzas(stanzas)
                .map(|key| key.map_err(Into::into)),
            #[cfg(feature = "ssh")]
            Key::Ssh(key) => key.unwrap_stanzas(stanzas),
            #[cfg(feature = "plugin")]
            Key::Plugin(key) => key.unwrap_stanzas(stanzas),
            Key::Passphrase(file) => file.unwrap_stanzas(stanzas),
        }
    }
}
