//! Key files that are age files themselves, encrypted with a passphrase.
//!
//! The passphrase is asked for when a file needs it, and once: whoever declines is not asked again
//! for the next of a hundred files.

use std::io::Read;
use std::sync::{Mutex, PoisonError};

use age::armor::ArmoredReader;
use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use super::identity::{Identity, IdentityFailure};
use super::key_text;
use super::prompt::{Asked, SharedPrompt};

/// The work that a passphrase may cost at most, as in age itself.
const MAX_WORK_FACTOR: u8 = 22;

/// A protected key file.
pub(super) struct PassphraseFile {
    contents: Vec<u8>,
    name: String,
    prompt: SharedPrompt,
    state: Mutex<State>,
}

enum State {
    Locked,
    Open(Vec<Identity>),
    Refused(IdentityFailure),
}

impl PassphraseFile {
    /// Takes the contents of a file; `None` when no passphrase opens it. `name` is what the
    /// question calls it.
    pub(super) fn new(contents: &[u8], name: &str, prompt: &SharedPrompt) -> Option<Self> {
        let decryptor = age::Decryptor::new(ArmoredReader::new(contents)).ok()?;
        decryptor.is_scrypt().then(|| Self {
            contents: contents.to_owned(),
            name: name.to_owned(),
            prompt: prompt.clone(),
            state: Mutex::new(State::Locked),
        })
    }

    pub(super) fn is_locked(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*state, State::Locked)
    }

    pub(super) fn public_part(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Open(identities) => {
                let parts: Vec<_> = identities.iter().map(Identity::public_part).collect();
                parts.join(", ")
            }
            _ => "a file protected by a passphrase".to_owned(),
        }
    }

    pub(super) fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<Result<FileKey, IdentityFailure>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Locked = *state {
            *state = self.unlocked();
        }
        match &*state {
            State::Refused(failure) => Some(Err(failure.clone())),
            State::Open(identities) => identities
                .iter()
                .find_map(|identity| identity.unwrap_stanzas(stanzas)),
            State::Locked => None,
        }
    }

    fn unlocked(&self) -> State {
        let asked = self
            .prompt
            .passphrase_for(&self.name, |passphrase| self.open(passphrase));
        match asked {
            Asked::Opened(text) => match key_text::lines(&text, &self.prompt) {
                Ok(identities) => State::Open(identities),
                Err((line, error)) => State::Refused(IdentityFailure::Contents { line, error }),
            },
            Asked::Declined => State::Refused(IdentityFailure::NoPassphrase),
            Asked::Wrong => State::Refused(IdentityFailure::WrongPassphrase),
        }
    }

    fn open(&self, passphrase: &str) -> Option<Zeroizing<String>> {
        let passphrase = age::secrecy::SecretString::from(passphrase.to_owned());
        let mut key = age::scrypt::Identity::new(passphrase);
        key.set_max_work_factor(MAX_WORK_FACTOR);
        let decryptor = age::Decryptor::new(ArmoredReader::new(self.contents.as_slice())).ok()?;
        let mut reader = decryptor
            .decrypt(std::iter::once(&key as &dyn age::Identity))
            .ok()?;
        let mut text = Zeroizing::new(String::new());
        reader.read_to_string(&mut text).ok()?;
        Some(text)
    }
}
