//! One patch, in either form: documents to be merged, or JSON patch operations.

use serde_json::Value;

use super::{MergeError, OperationError, merge_documents, operations};

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Documents cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Operations cannot be applied.
    #[error(transparent)]
    Operation(#[from] OperationError),
}

/// Applies a patch: a mapping is merged, a list holds operations.
pub fn patch_documents(documents: Vec<Value>, patch: &Value) -> Result<Vec<Value>, PatchError> {
    match patch {
        Value::Array(operations) => {
            let mut documents = documents;
            operations::apply(&mut documents, operations)?;
            Ok(documents)
        }
        patch => Ok(merge_documents(documents, std::slice::from_ref(patch))?),
    }
}
