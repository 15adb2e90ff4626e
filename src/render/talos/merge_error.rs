//! Why documents cannot be merged.

use crate::model::LeafPath;

/// Why documents cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A document is not a mapping.
    #[error("expected a mapping, found {0}")]
    NotMapping(&'static str),
    /// A document says nothing.
    #[error("the patch says nothing")]
    Nothing,
    /// A document says neither what it is nor anything of the main one.
    #[error("expected `machine`, `cluster`, or a document with `apiVersion` and `kind`")]
    NoKind,
    /// A document has a kind, but no version.
    #[error("a document with a `kind` needs `apiVersion: v1alpha1`")]
    NoVersion,
    /// The two sides are of different kinds.
    #[error("`{path}` is {left}, and {right} cannot be merged into it")]
    Clash {
        /// The place in the document.
        path: LeafPath,
        /// What is there.
        left: &'static str,
        /// What is to be merged.
        right: &'static str,
    },
    /// Talos cannot merge such values.
    #[error("Talos cannot merge another value into `{0}`")]
    Unmergeable(LeafPath),
    /// Something to be deleted is not there.
    #[error("nothing to delete at `{0}`")]
    NothingToDelete(LeafPath),
    /// A document to be deleted is not there.
    #[error("nothing to delete: there is no `{0}`")]
    NoDocumentToDelete(String),
    /// The `v1alpha1` document cannot be deleted.
    #[error("the `v1alpha1` document cannot be deleted as a whole")]
    DeletesMain,
    /// An entry to be deleted says nothing about itself.
    #[error("an entry to delete at `{0}` needs a key by which it is found")]
    DeletesUnnamed(LeafPath),
    /// Something inside an entry of a list is to be deleted.
    #[error("`{0}` is inside an entry of a list, where nothing can be deleted")]
    DeletesInside(LeafPath),
}

impl MergeError {
    /// Returns the place that it is about, in the patch.
    pub(super) fn path(&self) -> Option<&LeafPath> {
        match self {
            Self::Clash { path, .. }
            | Self::Unmergeable(path)
            | Self::NothingToDelete(path)
            | Self::DeletesUnnamed(path)
            | Self::DeletesInside(path) => Some(path),
            _ => None,
        }
    }

    /// Says the same of a place one key further down.
    pub(super) fn below(mut self, key: &str) -> Self {
        if let Self::Clash { path, .. } | Self::Unmergeable(path) = &mut self {
            *path = path.below(key);
        }
        self
    }
}
