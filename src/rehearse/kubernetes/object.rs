//! An object as the store keeps it: shared by all readers, its text made once.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// An object that many read and nobody changes.
pub type Object = Arc<Stored>;

/// An object with the texts that it is sent as.
#[derive(Debug)]
pub struct Stored {
    value: Value,
    text: OnceLock<Box<str>>,
    item: OnceLock<Box<str>>,
}

impl Stored {
    pub(super) fn new(value: Value) -> Object {
        Arc::new(Self {
            value,
            text: OnceLock::new(),
            item: OnceLock::new(),
        })
    }

    /// Returns the object as JSON.
    pub(super) fn text(&self) -> &str {
        self.text
            .get_or_init(|| self.value.to_string().into_boxed_str())
    }

    /// Returns the object as JSON without its version and kind, as an item of a list of a kind
    /// that Kubernetes itself brings.
    pub(super) fn item(&self) -> &str {
        self.item.get_or_init(|| {
            let text = serde_json::to_string(&Item(&self.value));
            text.unwrap_or_default().into_boxed_str()
        })
    }
}

impl Deref for Stored {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

struct Item<'a>(&'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.as_object().into_iter().flatten() {
            if !matches!(name.as_str(), "apiVersion" | "kind") {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}
