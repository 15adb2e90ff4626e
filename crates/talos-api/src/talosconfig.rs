//! The file that holds a person's access to clusters: named contexts, one of them current.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::{Credentials, CredentialsError, Endpoint, ParseEndpointError};

/// A parsed talosconfig.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Talosconfig {
    /// The name of the current context.
    #[serde(default)]
    pub context: String,
    /// The contexts by name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// Access to one cluster. Its `Debug` form shows no key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Context {
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    nodes: Vec<String>,
    #[serde(default)]
    ca: String,
    #[serde(default)]
    crt: String,
    #[serde(default, deserialize_with = "wiped")]
    key: Zeroizing<String>,
}

/// Why a talosconfig is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TalosconfigError {
    /// The text is not a talosconfig.
    #[error("expected a talosconfig: {0}")]
    Syntax(String),
    /// The context does not exist.
    #[error("no context `{name}`; there are: {}", known.join(", "))]
    UnknownContext {
        /// The context that was asked for.
        name: String,
        /// The contexts that exist.
        known: Vec<String>,
    },
    /// An endpoint is not one.
    #[error(transparent)]
    Endpoint(#[from] ParseEndpointError),
    /// A field is not base64 around text.
    #[error("expected `{0}` as base64 of PEM")]
    Encoding(&'static str),
    /// The certificates or the key cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl Talosconfig {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, TalosconfigError> {
        serde_saphyr::from_str(text).map_err(|error| TalosconfigError::Syntax(error.to_string()))
    }

    /// Returns the context of this name, or the current one.
    pub fn context(&self, name: Option<&str>) -> Result<&Context, TalosconfigError> {
        let name = name.unwrap_or(&self.context);
        self.contexts
            .get(name)
            .ok_or_else(|| TalosconfigError::UnknownContext {
                name: name.to_owned(),
                known: self.contexts.keys().cloned().collect(),
            })
    }
}

impl Context {
    /// Returns the hosts to connect to.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, TalosconfigError> {
        Ok(self
            .endpoints
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?)
    }

    /// Returns the nodes that calls are about unless said otherwise.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Returns the certificates and the key.
    pub fn credentials(&self) -> Result<Credentials, TalosconfigError> {
        Ok(Credentials::from_pem(
            &decode(&self.ca, "ca")?,
            &decode(&self.crt, "crt")?,
            &decode(&self.key, "key")?,
        )?)
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("endpoints", &self.endpoints)
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

fn decode(base64: &str, field: &'static str) -> Result<Zeroizing<String>, TalosconfigError> {
    BASE64_STANDARD
        .decode(base64)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Zeroizing::new)
        .ok_or(TalosconfigError::Encoding(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "context: home\ncontexts:\n    home:\n        endpoints:\n            - 10.0.0.1\n            - '[fd00::1]:6000'\n        nodes: [10.0.0.2]\n        ca: Zm9v\n        crt: '!'\n        key: c2VjcmV0\n        proxy-url: socks5://localhost\n    work: {}\n";

    #[test]
    fn reads_contexts_and_passes_over_what_it_does_not_use() {
        let config = Talosconfig::parse(TEXT).expect("a talosconfig");
        let home = config.context(None).expect("the current one");
        let endpoints = home.endpoints().expect("endpoints");
        assert_eq!(
            endpoints
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["10.0.0.1:50000", "[fd00::1]:6000"]
        );
        assert_eq!(home.nodes(), ["10.0.0.2"]);
        assert!(config.context(Some("work")).is_ok());
        let error = config.context(Some("wrok")).expect_err("is not there");
        assert_eq!(
            error.to_string(),
            "no context `wrok`; there are: home, work"
        );
    }

    #[test]
    fn says_which_part_is_unusable() {
        let config = Talosconfig::parse(TEXT).expect("a talosconfig");
        let error = config
            .context(None)
            .and_then(Context::credentials)
            .expect_err("no base64");
        assert_eq!(error, TalosconfigError::Encoding("crt"));
        assert!(matches!(
            Talosconfig::parse("- a"),
            Err(TalosconfigError::Syntax(_))
        ));
    }

    #[test]
    fn shows_no_key() {
        let config = Talosconfig::parse(TEXT).expect("a talosconfig");
        let shown = format!("{config:?}");
        assert!(shown.contains("10.0.0.1"));
        assert!(
            !shown.contains("c2VjcmV0") && !shown.contains("Zm9v"),
            "{shown}"
        );
    }
}
