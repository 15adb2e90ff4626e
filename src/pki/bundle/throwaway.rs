//! A published bundle, for rehearsals and tests.

use super::SecretsBundle;

impl SecretsBundle {
    /// Returns the bundle that is published with the source. It protects nothing; it saves
    /// rehearsals the half second that an RSA key costs. Its authorities hold from 2026-11-21T13:00Z
    /// until 2036-11-18.
    ///
    /// # Panics
    ///
    /// Never: tests read the same text.
    pub fn throwaway() -> Self {
        Self::parse(include_str!("throwaway.yaml"))
            .expect("the bundle in the source is well formed")
    }
}
