//! The owner's changes to machine configurations: one patch or a list of them, each written out or
//! named as a file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::yaml::{OneOrMany, Spanned};

/// Changes to machine configurations, by scope.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawPatches {
    /// For every node.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"machine": {"kubelet": {"extraArgs": {"max-pods": "200"}}}}))]
    pub all: RawPatchList,
    /// For control planes.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"cluster": {"etcd": {"extraArgs": {"quota-backend-bytes": "4294967296"}}}}]))]
    pub control_plane: RawPatchList,
    /// For workers.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"machine": {"nodeLabels": {"tier": "worker"}}}, "@patches/worker.yaml"]))]
    pub worker: RawPatchList,
}

/// One patch or a list of them, as written. A list of operations is one patch; which of the two a list
/// is shows in its entries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct RawPatchList(pub OneOrMany<Spanned<Value>>);

impl JsonSchema for RawPatchList {
    fn schema_name() -> Cow<'static, str> {
        "RawPatchList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let part = json_schema!({
            "description": "A document, or a part of one, that is merged by Talos' rules.",
            "type": "object",
        });
        let file = json_schema!({
            "description": "A file of patches by its path from here, such as `@patches/all.yaml`.",
            "type": "string",
            "pattern": "^@.",
        });
        let operation = json_schema!({
            "description": "An operation (RFC 6902); for configurations of one document.",
            "type": "object",
            "properties": {
                "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"], "description": "What is done."},
                "path": {"type": "string", "description": "Where, as a JSON pointer."},
                "from": {"type": "string", "description": "From where something is moved or copied."},
                "value": {"description": "What is added, put in place, or compared with."},
            },
            "required": ["op", "path"],
        });
        let operations = json_schema!({"type": "array", "items": operation, "minItems": 1});
        json_schema!({
            "description": "One patch or a list of them: a part of a document, a file (`@patches/all.yaml`), or a list of operations (RFC 6902).",
            "anyOf": [part, file, {"type": "array", "items": {"anyOf": [part, file, operations]}}],
        })
    }
}
