//! What the GitOps engine brought, and what its controllers say of it.

use serde_json::Value;

use super::{Client, KubeError};

/// The kinds of everything that Git brings, in the order in which they depend on each other:
/// version and kind.
const KINDS: &[(&str, &str)] = &[
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
];

impl Client {
    /// Returns everything that Git brings, kind by kind.
    pub async fn from_git(&self) -> Result<Vec<Value>, KubeError> {
        let mut found = Vec::new();
        for (api_version, kind) in KINDS {
            found.extend(self.list(api_version, kind, None).await?);
        }
        Ok(found)
    }

    /// Returns what controllers warned of about an object beyond what it says itself. It only helps: nothing
    /// where the API does not tell.
    pub async fn news(&self, object: &Value, said: &str) -> Vec<String> {
        let mut warnings = self.warnings(object).await.unwrap_or_default();
        warnings.retain(|warning| warning != said);
        warnings
    }
}
