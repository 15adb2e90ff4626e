//! Where in a tree the metadata stands: under `sops`, flat in the section `[sops]` of an INI file,
//! or flat with the prefix `sops_` in a dotenv file.

use super::flatten::{flatten, unflatten};
use super::{Metadata, MetadataError};
use crate::format::Format;
use crate::scalar::Scalar;
use crate::tree::{Entry, Item, Mapping, Tree, Value};

/// The reserved key.
pub(crate) const SOPS: &str = "sops";

/// What reserved keys of a dotenv file begin with.
pub(crate) const DOTENV_PREFIX: &str = "sops_";

impl Metadata {
    /// Tells whether a document claims the reserved key.
    pub(crate) fn is_in(document: &Mapping, format: Format) -> bool {
        let mut entries = document.entries();
        match format {
            Format::Dotenv => entries.any(|entry| entry.key.starts_with(DOTENV_PREFIX)),
            Format::Binary => false,
            _ => entries.any(|entry| entry.key == SOPS),
        }
    }

    /// Takes the metadata out of a tree. The first document's counts; the others have a copy each.
    pub(crate) fn take_from(tree: &mut Tree, format: Format) -> Result<Self, MetadataError> {
        match format {
            Format::Dotenv => {
                let taken = take_prefixed(tree);
                if taken.items.is_empty() {
                    return Err(MetadataError::NotEncrypted);
                }
                let stated = taken.get("lastmodified").and_then(Value::as_str);
                if stated.is_some_and(|text| text.ends_with('\r')) {
                    return Err(MetadataError::CarriageReturns);
                }
                Self::read(&unflatten(&taken)?)
            }
            Format::Ini => Self::read(&unflatten(&unescaped(&take_entry(tree)?))?),
            _ => Self::read(&take_entry(tree)?),
        }
    }

    /// Returns the additional data the MAC is bound to.
    pub(crate) fn mac_aad(&self) -> String {
        self.last_modified.in_seconds()
    }

    /// Appends the metadata to every document of a tree.
    pub(crate) fn append_to(&self, tree: &mut Tree, format: Format) {
        let fields = self.write();
        for document in &mut tree.documents {
            match format {
                Format::Dotenv => {
                    for (key, value) in flatten(&fields) {
                        document.push(format!("{DOTENV_PREFIX}{key}"), value);
                    }
                }
                Format::Ini => document.push(SOPS, escaped(&fields)),
                _ => document.push(SOPS, fields.clone()),
            }
        }
    }
}

/// Takes the one entry of the first document, and those of the others.
fn take_entry(tree: &mut Tree) -> Result<Mapping, MetadataError> {
    let mut documents = tree.documents.iter_mut().enumerate();
    let Some((_, first)) = documents.next() else {
        return Err(MetadataError::NotEncrypted);
    };
    let entry = first.remove(SOPS);
    if first.get(SOPS).is_some() {
        return Err(MetadataError::Duplicate);
    }
    let mut missing = None;
    for (position, document) in documents {
        let other = document.remove(SOPS);
        if document.get(SOPS).is_some() {
            return Err(MetadataError::Duplicate);
        }
        match (&entry, other) {
            (None, Some(_)) => {
                let document = position + 1;
                return Err(MetadataError::NotInFirst { document });
            }
            (Some(_), None) => missing = missing.or(Some(position + 1)),
            _ => {}
        }
    }
    match (entry, missing) {
        (None, _) => Err(MetadataError::NotEncrypted),
        (Some(_), Some(document)) => Err(MetadataError::NotInAll { document }),
        (Some(Value::Mapping(fields)), None) => Ok(fields),
        (Some(_), None) => Err(super::fields::wrong(SOPS, "a mapping")),
    }
}

/// Takes the entries with the prefix out of a flat document.
fn take_prefixed(tree: &mut Tree) -> Mapping {
    let mut taken = Mapping::default();
    for document in &mut tree.documents {
        let items = std::mem::take(&mut document.items);
        for item in items {
            match item {
                Item::Entry(Entry { key, value }) if key.starts_with(DOTENV_PREFIX) => {
                    taken.push(&key[DOTENV_PREFIX.len()..], value);
                }
                item => document.items.push(item),
            }
        }
    }
    taken
}

/// In INI a newline is written as the two characters `\n`; 3.13.0 and 3.13.1 wrote it as it is.
fn unescaped(fields: &Mapping) -> Mapping {
    let mut mapping = Mapping::default();
    for entry in fields.entries() {
        let value = match entry.value.as_str() {
            Some(text) => Value::from(text.replace("\\n", "\n").as_str()),
            None => entry.value.clone(),
        };
        mapping.push(&*entry.key, value);
    }
    mapping
}

fn escaped(fields: &Mapping) -> Mapping {
    let mut mapping = Mapping::default();
    for (key, value) in flatten(fields) {
        let value = match &value {
            Value::Scalar(scalar @ Scalar::Str(_)) => match scalar.as_str() {
                Some(text) => Value::from(text.replace('\n', "\\n").as_str()),
                None => value,
            },
            _ => value,
        };
        mapping.push(key, value);
    }
    mapping
}
