//! The forms in which one setting is written: a document where the contract has one, fields of the
//! `v1alpha1` document before.
//!
//! Everything that is generated is written as documents of the newest contract. One [table](table) says
//! since when each kind, or a part of it, exists and where its content was before; [`lowered`] moves
//! accordingly. Kinds that the table does not name stay as they are.

mod kubernetes;
mod lower;
mod network;
mod runtime;
mod table;
mod volumes;

use serde_json::{Map, Value, json};

pub use lower::in_older_form;
pub(super) use lower::{adapted, lowered};
pub use table::{Form, forms, since};

/// Makes a document of this kind.
pub(super) fn document(kind: &str, content: Value) -> Value {
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), json!("v1alpha1"));
    document.insert("kind".to_owned(), json!(kind));
    if let Value::Object(entries) = content {
        document.extend(entries);
    }
    Value::Object(document)
}
