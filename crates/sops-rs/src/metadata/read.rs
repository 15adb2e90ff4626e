//! From the fields of the `sops` entry to what they mean.

use super::fields::{count, flag, list, required, text, wrong};
use super::{KeyGroup, KeyKind, MasterKey, Metadata, MetadataError};
use crate::scalar::Time;
use crate::selection::{FIELDS, Selection};
use crate::tree::{Item, Mapping};

/// The fields that are neither options of the selection nor lists of keys.
const OTHERS: [&str; 7] = [
    "age",
    "key_groups",
    "lastmodified",
    "mac",
    "mac_only_encrypted",
    "shamir_threshold",
    "version",
];

impl Metadata {
    /// Reads the fields. Without a rule of their own, everything is encrypted but what ends in
    /// `_unencrypted`.
    pub(super) fn read(fields: &Mapping) -> Result<Self, MetadataError> {
        let version = required(fields, "version")?;
        let last_modified = required(fields, "lastmodified")?;
        let last_modified = Time::from_rfc3339(&last_modified)
            .ok_or_else(|| wrong("lastmodified", "a date and time (RFC 3339)"))?;
        Ok(Self {
            key_groups: read_groups(fields)?,
            shamir_threshold: count(fields, "shamir_threshold")?,
            selection: read_selection(fields)?,
            mac_only_encrypted: flag(fields, "mac_only_encrypted")?,
            last_modified,
            mac: text(fields, "mac")?.unwrap_or_default(),
            version,
            unknown: unknown(fields),
        })
    }
}

fn read_selection(fields: &Mapping) -> Result<Selection, MetadataError> {
    let mut texts = Vec::new();
    for field in FIELDS {
        texts.push((field, text(fields, field)?));
    }
    let find = |field: &'static str| {
        let (_, text) = texts.iter().find(|(name, _)| *name == field)?;
        text.as_deref()
    };
    Ok(Selection::from_fields(find)?.unwrap_or_default())
}

/// Keys that stand directly in the entry are one group, and come before `key_groups`.
fn read_groups(fields: &Mapping) -> Result<Vec<KeyGroup>, MetadataError> {
    let own = read_group(fields)?;
    if !own.keys.is_empty() {
        return Ok(vec![own]);
    }
    let groups = list(fields, "key_groups")?.into_iter().map(|member| {
        let unknown = unknown(member);
        Ok(KeyGroup {
            unknown,
            ..read_group(member)?
        })
    });
    let groups: Vec<KeyGroup> = groups.collect::<Result<_, MetadataError>>()?;
    if groups.iter().all(|group| group.keys.is_empty()) {
        return Err(MetadataError::NoKeys);
    }
    Ok(groups)
}

fn read_group(fields: &Mapping) -> Result<KeyGroup, MetadataError> {
    let mut keys = Vec::new();
    for entry in list(fields, "age")? {
        let field = |field: &'static str| match text(entry, field)? {
            Some(text) => Ok(text),
            None => Err(wrong(&format!("age.{field}"), "set")),
        };
        keys.push(MasterKey::Age {
            recipient: field("recipient")?,
            enc: field("enc")?,
        });
    }
    for kind in KeyKind::ALL {
        for entry in list(fields, kind.field())? {
            keys.push(MasterKey::Other {
                kind,
                fields: entry.clone(),
            });
        }
    }
    Ok(KeyGroup {
        keys,
        ..KeyGroup::default()
    })
}

/// What is left when every known field is taken.
fn unknown(fields: &Mapping) -> Mapping {
    let is_known = |key: &str| {
        OTHERS.contains(&key)
            || FIELDS.contains(&key)
            || KeyKind::ALL.iter().any(|kind| kind.field() == key)
    };
    let items = fields.items.iter().filter(|item| match item {
        Item::Entry(entry) => !is_known(&entry.key),
        Item::Comment(_) => false,
    });
    Mapping {
        items: items.cloned().collect(),
    }
}
