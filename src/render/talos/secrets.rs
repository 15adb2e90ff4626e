//! The places of the secrets bundle to which rendered configurations refer.

use serde_json::Value;

use crate::render::reference::SecretRef;

/// Where the encrypted secrets bundle lies in a repository.
pub const BUNDLE_PATH: &str = "infrastructure/talos/secrets.sops.yaml";

/// Returns a reference to a place of the bundle.
pub(super) fn bundle(path: &str) -> Value {
    SecretRef::new(BUNDLE_PATH, path).to_value()
}
