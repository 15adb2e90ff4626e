//! The engine that reconciles the cluster from Git.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::Spanned;

/// The engine that reconciles the cluster from Git: exactly one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawGitOps {
    /// Flux.
    pub flux: Option<Spanned<RawFlux>>,
    /// Argo CD.
    #[serde(rename = "argocd")]
    pub argo_cd: Option<Spanned<RawArgoCd>>,
}

/// Flux and the repository it reads.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawFlux {
    /// The repository's URL: `ssh://…` or `https://…`.
    #[schemars(required, example = &"ssh://git@github.com/me/homelab.git")]
    pub url: Option<Text>,
    /// The branch; `main` unless you say otherwise.
    #[schemars(example = &"main")]
    pub branch: Option<Text>,
    /// How Flux proves that it may read; by the URL unless you say otherwise.
    #[schemars(example = &"ssh")]
    pub auth: Option<Spanned<RawGitAuth>>,
}

/// Argo CD and the repository it reads.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawArgoCd {
    /// The repository's URL: `ssh://…` or `https://…`.
    #[schemars(required, example = &"https://github.com/me/homelab.git")]
    pub url: Option<Text>,
    /// The branch; `main` unless you say otherwise.
    #[schemars(example = &"main")]
    pub branch: Option<Text>,
    /// How Argo CD proves that it may read; by the URL unless you say otherwise.
    #[schemars(example = &"none")]
    pub auth: Option<Spanned<RawGitAuth>>,
}

/// How the engine proves that it may read the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawGitAuth {
    /// A deploy key.
    Ssh,
    /// A user name and a token.
    Token,
    /// The repository is public.
    None,
}
