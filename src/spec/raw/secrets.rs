//! How secrets are kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::Spanned;

/// How secrets are kept.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawSecrets {
    /// Encrypted in Git, by SOPS with age.
    pub sops: Option<Spanned<RawSops>>,
    /// In a store outside the cluster, fetched by External Secrets.
    pub external: Option<Spanned<RawExternalSecrets>>,
}

/// Encrypted in Git, by SOPS with age.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawSops {
    /// age recipients that may open the files.
    #[serde(default)]
    #[schemars(required, length(min = 1),
        example = ["age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt"])]
    pub recipients: Vec<Text>,
}

/// A store outside the cluster.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawExternalSecrets {
    /// The kind of store.
    #[schemars(required, example = &"vault")]
    pub provider: Option<Spanned<RawSecretStore>>,
    /// Its address.
    #[schemars(example = &"https://vault.example.org:8200")]
    pub url: Option<Text>,
}

/// The kinds of secret stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawSecretStore {
    /// HashiCorp Vault or OpenBao.
    Vault,
    /// Bitwarden Secrets Manager.
    Bitwarden,
    /// 1Password Connect.
    #[serde(rename = "1password")]
    OnePassword,
}
