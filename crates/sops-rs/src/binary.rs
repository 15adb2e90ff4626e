//! Any bytes as a tree: one value under `data`.

use zeroize::Zeroizing;

use crate::scalar::Scalar;
use crate::tree::{Mapping, Tree, Value};

/// The one key.
pub(crate) const DATA: &str = "data";

/// Makes a tree of bytes.
pub(crate) fn load(bytes: &[u8]) -> Tree {
    let mut mapping = Mapping::default();
    mapping.push(DATA, Scalar::Str(Zeroizing::new(bytes.to_vec())));
    Tree {
        documents: vec![mapping],
    }
}

/// Returns the bytes of a tree.
pub(crate) fn emit(tree: &Tree) -> Zeroizing<Vec<u8>> {
    let data = tree.documents.first().and_then(|mapping| mapping.get(DATA));
    match data {
        Some(Value::Scalar(scalar)) => scalar.bytes(),
        _ => Zeroizing::default(),
    }
}
