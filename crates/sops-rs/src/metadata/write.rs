//! From metadata to the fields of the `sops` entry: in alphabetical order, empty ones left out.

use super::{KeyGroup, KeyKind, MasterKey, Metadata};
use crate::scalar::Scalar;
use crate::tree::{Entry, Item, Mapping, Value};

impl Metadata {
    pub(super) fn write(&self) -> Mapping {
        let mut fields: Vec<(&str, Value)> = match &self.key_groups[..] {
            // One group's keys stand directly in the entry, which has no place for its other fields.
            [group] if group.unknown.items.is_empty() => group.fields(),
            groups => {
                let groups = groups.iter().map(|group| group.as_member().into());
                vec![("key_groups", Value::from(groups.collect::<Vec<Value>>()))]
            }
        };
        if let Some(threshold) = self.shamir_threshold {
            fields.push(("shamir_threshold", Scalar::Int(threshold.into()).into()));
        }
        if let Some((field, text)) = self.selection.as_field() {
            fields.push((field, text.into()));
        }
        if self.mac_only_encrypted {
            fields.push(("mac_only_encrypted", Scalar::Bool(true).into()));
        }
        fields.push(("lastmodified", self.last_modified.as_str().into()));
        fields.push(("mac", self.mac.as_str().into()));
        fields.push(("version", self.version.as_str().into()));
        for entry in self.unknown.entries() {
            fields.push((&entry.key, entry.value.clone()));
        }
        sorted(fields)
    }
}

impl KeyGroup {
    /// The lists of a group, by kind.
    fn fields(&self) -> Vec<(&str, Value)> {
        let mut fields = Vec::new();
        let age: Vec<Value> = self.keys.iter().filter_map(age_entry).collect();
        if !age.is_empty() {
            fields.push(("age", age.into()));
        }
        for kind in KeyKind::ALL {
            let of_kind = self.keys.iter().filter_map(|key| match key {
                MasterKey::Other {
                    kind: other,
                    fields,
                } if *other == kind => Some(Value::Mapping(in_order(fields))),
                _ => None,
            });
            let of_kind: Vec<Value> = of_kind.collect();
            if !of_kind.is_empty() {
                fields.push((kind.field(), of_kind.into()));
            }
        }
        fields
    }

    /// As one of several groups: `age` and `hc_vault` are there even when empty.
    fn as_member(&self) -> Mapping {
        let mut fields = self.fields();
        for entry in self.unknown.entries() {
            fields.push((&entry.key, entry.value.clone()));
        }
        for always in ["age", "hc_vault"] {
            if !fields.iter().any(|(field, _)| *field == always) {
                fields.push((always, Value::Sequence(Vec::new())));
            }
        }
        sorted(fields)
    }
}

fn age_entry(key: &MasterKey) -> Option<Value> {
    match key {
        MasterKey::Age { recipient, enc } => {
            let enc = Value::from(enc.as_str());
            let recipient = Value::from(recipient.as_str());
            Some(sorted(vec![("enc", enc), ("recipient", recipient)]).into())
        }
        MasterKey::Other { .. } => None,
    }
}

/// The entries of a foreign key in alphabetical order, those of the mappings in it too.
fn in_order(fields: &Mapping) -> Mapping {
    let entries = fields.entries().map(|entry| {
        let value = match &entry.value {
            Value::Mapping(inner) => Value::Mapping(in_order(inner)),
            other => other.clone(),
        };
        (entry.key.as_str(), value)
    });
    sorted(entries.collect())
}

fn sorted(mut fields: Vec<(&str, Value)>) -> Mapping {
    fields.sort_by_key(|(field, _)| *field);
    let items = fields.into_iter().map(|(key, value)| {
        Item::Entry(Entry {
            key: key.to_owned(),
            value,
        })
    });
    Mapping {
        items: items.collect(),
    }
}
