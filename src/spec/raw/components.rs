//! Components and applications of the catalogue.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Text;
use crate::yaml::Spanned;

/// A component or application: what is pinned or redirected, and its own options beside that.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RawComponent {
    /// The pinned version of its chart, or of its image when it has no chart; where Renovate finds it.
    #[schemars(example = &"1.20.1")]
    pub version: Option<Text>,
    /// Chart values that are merged over the catalogue's own.
    #[schemars(example = serde_json::json!({"operator": {"replicas": 1}}))]
    pub values: Option<Spanned<Map<String, Value>>>,
    /// Another place to fetch the chart from.
    pub chart: Option<Spanned<RawChart>>,
    /// Its options; the catalogue says which there are.
    #[serde(flatten)]
    pub options: BTreeMap<String, Value>,
}

/// Another place to fetch a chart from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawChart {
    /// The URL of the repository: a mirror, or what an air gap has.
    #[schemars(required, example = &"oci://registry.homelab.local/charts/cilium")]
    pub url: Option<Text>,
}
