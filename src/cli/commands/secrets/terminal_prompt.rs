//! Questions of keys that need a person: a passphrase, a PIN, a touch.

use std::io::IsTerminal as _;
use std::sync::Arc;

use dialoguer::Password;
use dialoguer::theme::SimpleTheme;
use sops_rs::Prompt;
use zeroize::Zeroizing;

/// Returns the way to ask: the terminal, where there is one.
pub(super) fn prompt() -> Arc<dyn Prompt> {
    Arc::new(TerminalPrompt)
}

/// Asks on the terminal; without one, nobody.
#[derive(Debug)]
struct TerminalPrompt;

impl Prompt for TerminalPrompt {
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>> {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        let answer = Password::with_theme(&SimpleTheme)
            .with_prompt(question)
            .allow_empty_password(true)
            .interact();
        answer
            .ok()
            .filter(|answer| !answer.is_empty())
            .map(Zeroizing::new)
    }
}
