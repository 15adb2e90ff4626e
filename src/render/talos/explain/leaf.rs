//! Leaves and their addresses, as `homelab diff` names them.

use serde::Serialize;
use serde_json::Value;

use super::sources::Source;
use super::trace::{Trace, is_leaf};
use crate::model::LeafPath;
use crate::render::talos::{MAIN, entries, identity};

/// A leaf of a configuration, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaf {
    /// Where it stands.
    #[serde(flatten)]
    pub address: Address,
    /// What is there, secrets hidden.
    pub value: Value,
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Source,
}

/// Where a leaf stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Address {
    /// The document's kind; `v1alpha1` for the one that names none.
    pub kind: String,
    /// The document's name, for kinds that have names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where in the document.
    pub path: LeafPath,
}

/// What somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    document: Option<String>,
    path: LeafPath,
}

impl Address {
    /// Names the document, as `homelab diff` does.
    pub fn document(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.kind),
            None => self.kind.clone(),
        }
    }
}

impl Filter {
    /// Reads a place as `homelab diff` writes it: `machine.sysctls`, `LinkConfig eth0: mtu`, or a document alone.
    pub fn parse(text: &str, leaves: &[Leaf]) -> Result<Self, crate::model::ParseLeafPathError> {
        let is_document = |text: &str| leaves.iter().any(|leaf| is_named(&leaf.address, text));
        let (document, path) = match text.split_once(": ") {
            Some((document, path)) if is_document(document) => (Some(document), path),
            _ if is_document(text) => (Some(text), ""),
            _ => (None, text),
        };
        Ok(Self {
            document: document.map(str::to_owned),
            path: path.parse()?,
        })
    }

    /// Tells whether a leaf is at the place or below it.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        let address = &leaf.address;
        let document = self.document.as_deref();
        document.is_none_or(|document| is_named(address, document))
            && address.path.is_within(&self.path)
    }
}

/// A kind stands for all documents of it.
fn is_named(address: &Address, document: &str) -> bool {
    address.document() == document || address.kind == document
}

/// Calls for each leaf of a document, with its value and the number of its layer.
pub(super) fn each(
    document: &Value,
    trace: &Trace,
    found: &mut impl FnMut(Address, &Value, usize),
) {
    let [kind, name] = identity(document);
    let mut at = |path: LeafPath, value: &Value, layer: usize| {
        let address = Address {
            kind: kind.unwrap_or(MAIN).to_owned(),
            name: kind.and(name).map(str::to_owned),
            path,
        };
        found(address, value, layer);
    };
    walk(document, trace, &LeafPath::default(), &mut at);
}

fn walk(
    value: &Value,
    trace: &Trace,
    path: &LeafPath,
    found: &mut impl FnMut(LeafPath, &Value, usize),
) {
    match (value, trace) {
        (value, Trace::Leaf(layer)) if is_leaf(value) => found(path.clone(), value, *layer),
        (Value::Object(entries), Trace::Mapping(traces)) => {
            for (key, value) in entries {
                if let Some(trace) = traces.get(key) {
                    walk(value, trace, &path.key(key), found);
                }
            }
        }
        (Value::Array(items), Trace::List(traces)) => {
            let key = entries::key(&[items]);
            for (position, (item, trace)) in items.iter().zip(traces).enumerate() {
                let place = match key {
                    Some(key) => entries::place(path, key, item),
                    None => path.entry(&position.to_string()),
                };
                walk(item, trace, &place, found);
            }
        }
        _ => {}
    }
}
