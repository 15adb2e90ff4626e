//! The places of the secrets bundle to which rendered configurations refer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::render::reference::SecretRef;

/// Where the encrypted secrets bundle lies in a repository.
pub const BUNDLE_PATH: &str = "infrastructure/talos/secrets.sops.yaml";

/// What stands behind the path of a certificate or key whose text is wanted: the bundle holds them in
/// base64, as the `v1alpha1` document does, and the newer documents hold plain PEM.
pub(crate) const PEM: &str = ".pem";

/// Returns a reference to a place of the bundle.
pub(super) fn bundle(path: &str) -> Value {
    SecretRef::new(BUNDLE_PATH, path).to_value()
}

/// Returns a reference to the PEM text of a certificate or key of the bundle.
pub(super) fn bundle_pem(path: &str) -> Value {
    bundle(&format!("{path}{PEM}"))
}

/// Returns a PEM text, or the reference to one, in base64.
pub(super) fn in_base64(reference: &Value) -> Value {
    if let Some(text) = reference.as_str() {
        return Value::from(STANDARD.encode(text));
    }
    match SecretRef::of(reference) {
        Some(Ok(SecretRef { file, path })) if file == BUNDLE_PATH => {
            bundle(path.strip_suffix(PEM).unwrap_or(&path))
        }
        _ => reference.clone(),
    }
}
