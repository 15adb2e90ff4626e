//! SSH private keys as identities, protected by a passphrase or not.
//!
//! The passphrase is asked for when a file is for exactly this key, and once.

use std::sync::{Mutex, PoisonError};

use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

use super::identity::{IdentityError, IdentityFailure};
use super::prompt::{Asked, SharedPrompt};
use super::recipient::Recipient;

/// An SSH private key.
pub(super) struct SshKey {
    recipient: Recipient,
    /// How stanzas name the key.
    tag: String,
    name: String,
    prompt: SharedPrompt,
    state: Mutex<State>,
}

enum State {
    Open(Box<age::ssh::Identity>),
    Locked(Box<age::ssh::EncryptedKey>),
    Refused(IdentityFailure),
}

impl SshKey {
    /// Reads a key; `name` is what the question for its passphrase calls it.
    pub(super) fn parse(
        text: &str,
        name: &str,
        prompt: &SharedPrompt,
    ) -> Result<Self, IdentityError> {
        use age::ssh::{Identity, UnsupportedKey};
        let unusable = |problem: &str| IdentityError::Ssh {
            problem: problem.to_owned(),
        };
        let identity =
            Identity::from_buffer(text.as_bytes(), None).map_err(|_| unusable("it is damaged"))?;
        if let Identity::Unsupported(key) = &identity {
            return Err(match key {
                UnsupportedKey::EncryptedPem => {
                    unusable("its passphrase protects it in an old form; run `ssh-keygen -o -p`")
                }
                UnsupportedKey::EncryptedSsh(cipher) => {
                    unusable(&format!("it is encrypted with `{cipher}`"))
                }
                UnsupportedKey::Hardware(kind) => unusable(&format!(
                    "`{kind}` stays in its hardware, which `age-plugin-…` programs can use"
                )),
                UnsupportedKey::Type(kind) => unusable(&format!(
                    "its kind is `{kind}`; age takes ssh-ed25519 and ssh-rsa"
                )),
            });
        }
        let public = age::ssh::Recipient::try_from(identity.clone())
            .map_err(|_| unusable("its public part is damaged"))?;
        let state = match identity {
            Identity::Encrypted(key) => State::Locked(Box::new(key)),
            open => State::Open(Box::new(open)),
        };
        Ok(Self {
            tag: tag(&public),
            recipient: Recipient::ssh(public),
            name: name.to_owned(),
            prompt: prompt.clone(),
            state: Mutex::new(state),
        })
    }

    pub(super) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    pub(super) fn is_locked(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*state, State::Locked(_))
    }

    pub(super) fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<Result<FileKey, IdentityFailure>> {
        let names_it = |stanza: &Stanza| {
            stanza.tag.starts_with("ssh-") && stanza.args.first() == Some(&self.tag)
        };
        if !stanzas.iter().any(names_it) {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Locked(key) = &*state {
            *state = self.unlocked(key);
        }
        match &*state {
            State::Refused(failure) => Some(Err(failure.clone())),
            State::Open(key) => {
                let unwrapped = age::Identity::unwrap_stanzas(&**key, stanzas)?;
                Some(unwrapped.map_err(Into::into))
            }
            State::Locked(_) => None,
        }
    }

    fn unlocked(&self, key: &age::ssh::EncryptedKey) -> State {
        let asked = self.prompt.passphrase_for(&self.name, |passphrase| {
            let passphrase = age::secrecy::SecretString::from(passphrase.to_owned());
            key.decrypt(passphrase).ok()
        });
        match asked {
            Asked::Opened(key) => State::Open(Box::new(key.into())),
            Asked::Declined => State::Refused(IdentityFailure::NoPassphrase),
            Asked::Wrong => State::Refused(IdentityFailure::WrongPassphrase),
        }
    }
}

/// The first bytes of the key's digest.
fn tag(key: &age::ssh::Recipient) -> String {
    let bytes = match key {
        age::ssh::Recipient::SshRsa(bytes, _) | age::ssh::Recipient::SshEd25519(bytes, _) => bytes,
    };
    BASE64_STANDARD_NO_PAD.encode(&Sha256::digest(bytes)[..4])
}
