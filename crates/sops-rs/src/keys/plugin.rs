//! Identities that a program `age-plugin-NAME` uses, found in `PATH`.

use age_core::format::{FileKey, Stanza};
use zeroize::Zeroizing;

use super::identity::IdentityFailure;
use super::prompt::SharedPrompt;

/// What a plugin needs to know to find its key.
pub(super) struct PluginKey {
    identity: age::plugin::Identity,
    prompt: SharedPrompt,
}

impl PluginKey {
    pub(super) fn parse(text: &str, prompt: &SharedPrompt) -> Option<Self> {
        Some(Self {
            identity: text.parse().ok()?,
            prompt: prompt.clone(),
        })
    }

    pub(super) fn plugin(&self) -> &str {
        self.identity.plugin()
    }

    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.identity.to_string())
    }

    pub(super) fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<Result<FileKey, IdentityFailure>> {
        let failure = |problem| IdentityFailure::Plugin {
            plugin: self.plugin().to_owned(),
            problem,
        };
        let keys = std::slice::from_ref(&self.identity);
        let plugin =
            match age::plugin::IdentityPluginV1::new(self.plugin(), keys, self.prompt.clone()) {
                Ok(plugin) => plugin,
                Err(age::plugin::ResolveError::MissingPlugin { .. }) => {
                    return Some(Err(failure("it is not installed".to_owned())));
                }
                Err(error) => return Some(Err(failure(error.to_string()))),
            };
        let unwrapped = age::Identity::unwrap_stanzas(&plugin, stanzas)?;
        Some(unwrapped.map_err(|error| failure(error.to_string())))
    }
}
