//! Asking whoever runs the program.
//!
//! This library never talks to a terminal: some keys need a passphrase or a touch, and the caller
//! says how to ask for it.

use std::sync::Arc;

use zeroize::Zeroizing;

/// How a key asks for what it needs to be used.
///
/// The default answers decline, so that a program without anybody in front of it goes on with the
/// keys that need nothing. Files may be opened in parallel; one question is asked at a time for
/// each key.
pub trait Prompt: Send + Sync {
    /// Asks for a passphrase, without showing it; `None` when there is nobody to ask or no answer.
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>>;

    /// Shows a message of a plugin, such as "touch your key".
    fn message(&self, text: &str) {
        let _ = text;
    }

    /// Lets somebody choose; `no` is absent where there is only one answer.
    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let _ = (question, yes, no);
        None
    }

    /// Asks for something that is no secret.
    fn text(&self, question: &str) -> Option<String> {
        let _ = question;
        None
    }
}

/// Nobody to ask: every question is declined.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn passphrase(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }
}

/// A prompt that several keys share.
#[derive(Clone)]
pub(super) struct SharedPrompt(pub(super) Arc<dyn Prompt>);

impl Default for SharedPrompt {
    fn default() -> Self {
        Self(Arc::new(NoPrompt))
    }
}

/// How often a passphrase may be mistyped.
const ATTEMPTS: usize = 3;

/// What came of asking for a passphrase.
pub(super) enum Asked<T> {
    /// What it opened.
    Opened(T),
    /// There was no answer.
    Declined,
    /// None of the answers was right.
    Wrong,
}

impl SharedPrompt {
    /// Asks until `open` takes the passphrase; the same wrong one twice is from a program that
    /// knows no other.
    pub(super) fn passphrase_for<T>(
        &self,
        what: &str,
        mut open: impl FnMut(&str) -> Option<T>,
    ) -> Asked<T> {
        let mut last: Option<Zeroizing<String>> = None;
        for _ in 0..ATTEMPTS {
            let question = match last {
                None => format!("passphrase of {what}"),
                Some(_) => format!("wrong passphrase; passphrase of {what}"),
            };
            let Some(answer) = self.0.passphrase(&question) else {
                return last.map_or(Asked::Declined, |_| Asked::Wrong);
            };
            if last.as_ref() == Some(&answer) {
                return Asked::Wrong;
            }
            if let Some(opened) = open(&answer) {
                return Asked::Opened(opened);
            }
            last = Some(answer);
        }
        Asked::Wrong
    }
}

#[cfg(feature = "plugin")]
impl age::Callbacks for SharedPrompt {
    fn display_message(&self, message: &str) {
        self.0.message(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.0.confirm(message, yes, no)
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.0.text(description)
    }

    fn request_passphrase(&self, description: &str) -> Option<age::secrecy::SecretString> {
        let answer = self.0.passphrase(description)?;
        Some(age::secrecy::SecretString::from(answer.as_str().to_owned()))
    }
}
