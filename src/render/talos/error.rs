//! Why machine configurations cannot be rendered.

use super::{Origin, PatchError, UnsupportedContract};
use crate::model::NodeName;
use crate::render::reference::ParseSecretRefError;

/// Why machine configurations cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum TalosRenderError {
    /// The cluster has no such node.
    #[error("the cluster has no node `{0}`")]
    UnknownNode(NodeName),
    /// The catalogue has no such component.
    #[error("the catalogue has no component `{0}`")]
    UnknownComponent(String),
    /// The release's form of configuration is not known.
    #[error(transparent)]
    Contract(#[from] UnsupportedContract),
    /// Something that should refer to a secret does not.
    #[error("{origin} is wrong")]
    Reference {
        /// The layer.
        origin: Origin,
        /// Why.
        #[source]
        source: ParseSecretRefError,
    },
    /// A layer cannot be applied.
    #[error("cannot apply {origin} to the configuration of node `{node}`")]
    Patch {
        /// The node.
        node: NodeName,
        /// The layer.
        origin: Origin,
        /// Why.
        #[source]
        source: PatchError,
    },
}
