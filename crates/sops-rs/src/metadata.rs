//! The `sops` entry of an encrypted file.
//!
//! Every layout since 3.9 is read; 3.13's is written: alphabetical, empty fields left out. Keys
//! that this crate cannot use are kept as they are, for whoever can.

use crate::scalar::{Scalar, Time};
use crate::selection::{FIELDS, Selection, SelectionError};
use crate::tree::{Mapping, Tree, Value};

/// The version of `sops` whose format is written.
pub const WRITTEN_VERSION: &str = "3.13.3";

/// The reserved key.
const SOPS: &str = "sops";

/// What an encrypted file says about itself.
#[derive(Clone)]
pub struct Metadata {
    /// The groups of keys; more than one means that the data key is shared out among them.
    pub key_groups: Vec<KeyGroup>,
    /// How many groups are needed, where the file says so.
    pub shamir_threshold: Option<u32>,
    /// Which values are encrypted.
    pub selection: Selection,
    /// Whether the MAC covers only these.
    pub mac_only_encrypted: bool,
    /// When the file was written; the MAC is bound to it.
    pub last_modified: Time,
    /// The encrypted MAC; empty in a file without.
    pub mac: String,
    /// The version of the program that wrote it.
    pub version: String,
}

/// Keys of which each alone opens the group's part of the data key.
#[derive(Clone, Default)]
pub struct KeyGroup {
    /// The keys.
    pub keys: Vec<MasterKey>,
}

/// One key that a data key is wrapped for.
#[derive(Clone)]
#[non_exhaustive]
pub enum MasterKey {
    /// An age recipient.
    Age {
        /// The recipient, as the file spells it.
        recipient: String,
        /// The data key for it: an armored age file.
        enc: String,
    },
    /// A key of another kind, kept as it is.
    Other {
        /// Its kind.
        kind: KeyKind,
        /// What the file says about it.
        fields: Mapping,
    },
}

/// The kinds of keys that SOPS knows besides age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyKind {
    /// Azure Key Vault.
    AzureKeyVault,
    /// Google Cloud KMS.
    GcpKms,
    /// HashiCorp Vault's transit engine.
    Vault,
    /// Huawei Cloud KMS.
    HuaweiKms,
    /// AWS KMS.
    AwsKms,
    /// OpenPGP.
    Pgp,
}

/// Metadata that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// There is none.
    #[error("the file is not encrypted: it has no `sops` entry")]
    NotEncrypted,
    /// A field is missing.
    #[error("the `sops` entry has no `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is not what it should be.
    #[error("`sops.{field}` must be {expected}")]
    Field {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The selection of values is contradictory or invalid.
    #[error("the `sops` entry does not say clearly what is encrypted")]
    Selection(#[from] SelectionError),
}

impl KeyKind {
    const ALL: [Self; 6] = [
        Self::AzureKeyVault,
        Self::GcpKms,
        Self::Vault,
        Self::HuaweiKms,
        Self::AwsKms,
        Self::Pgp,
    ];

    /// Returns the name of its list in the file.
    pub fn field(self) -> &'static str {
        match self {
            Self::AzureKeyVault => "azure_kv",
            Self::GcpKms => "gcp_kms",
            Self::Vault => "hc_vault",
            Self::HuaweiKms => "hckms",
            Self::AwsKms => "kms",
            Self::Pgp => "pgp",
        }
    }
}

impl Metadata {
    /// Returns the age recipients of all groups.
    pub fn age_recipients(&self) -> impl Iterator<Item = &str> {
        self.keys().filter_map(|key| match key {
            MasterKey::Age { recipient, .. } => Some(recipient.as_str()),
            MasterKey::Other { .. } => None,
        })
    }

    /// Returns the keys of all groups.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.key_groups.iter().flat_map(|group| &group.keys)
    }

    /// Tells whether a document claims the reserved key.
    pub(crate) fn is_in(document: &Mapping) -> bool {
        document.get(SOPS).is_some()
    }

    /// Takes the metadata out of a tree: the first document's counts, the others' are dropped.
    pub(crate) fn take_from(tree: &mut Tree) -> Result<Self, MetadataError> {
        let mut taken = tree
            .documents
            .iter_mut()
            .map(|document| document.remove(SOPS));
        let first = taken.next().flatten().ok_or(MetadataError::NotEncrypted)?;
        taken.for_each(drop);
        let Value::Mapping(fields) = first else {
            return Err(wrong(SOPS, "a mapping"));
        };
        Self::read(&fields)
    }

    fn read(fields: &Mapping) -> Result<Self, MetadataError> {
        let text = |field| optional_text(fields, field);
        let version = text("version")?.unwrap_or_default();
        if version.is_empty() {
            return Err(MetadataError::Missing { field: "version" });
        }
        let last_modified = text("lastmodified")?;
        let last_modified = last_modified.ok_or(MetadataError::Missing {
            field: "lastmodified",
        })?;
        for field in FIELDS {
            text(field)?;
        }
        let selection = Selection::from_fields(|field| fields.get(field).and_then(Value::as_str))?;
        Ok(Self {
            key_groups: read_groups(fields)?,
            shamir_threshold: read_threshold(fields)?,
            selection: selection.unwrap_or_default(),
            mac_only_encrypted: read_flag(fields, "mac_only_encrypted")?,
            last_modified: Time::from_rfc3339(last_modified)
                .ok_or_else(|| wrong("lastmodified", "a date and time (RFC 3339)"))?,
            mac: text("mac")?.unwrap_or_default().to_owned(),
            version: version.to_owned(),
        })
    }

    /// Returns the additional data the MAC is bound to.
    pub(crate) fn mac_aad(&self) -> String {
        self.last_modified.in_seconds()
    }

    /// Appends the metadata to every document of a tree.
    pub(crate) fn append_to(&self, tree: &mut Tree) {
        let fields = self.write();
        for document in &mut tree.documents {
            document.push(SOPS, fields.clone());
        }
    }

    fn write(&self) -> Mapping {
        let mut fields: Vec<(&str, Value)> = match &self.key_groups[..] {
            [group] => group.fields(),
            groups => {
                let groups = groups.iter().map(|group| group.as_member().into());
                vec![("key_groups", Value::from(groups.collect::<Vec<Value>>()))]
            }
        };
        if let Some(threshold) = self.shamir_threshold {
            fields.push(("shamir_threshold", Scalar::Int(threshold.into()).into()));
        }
        let (field, text) = self.selection.as_field();
        fields.push((field, text.into()));
        if self.mac_only_encrypted {
            fields.push(("mac_only_encrypted", Scalar::Bool(true).into()));
        }
        fields.push(("lastmodified", self.last_modified.as_str().into()));
        fields.push(("mac", self.mac.as_str().into()));
        fields.push(("version", self.version.as_str().into()));
        sorted(fields)
    }
}

impl KeyGroup {
    /// The lists of a group, by kind.
    fn fields(&self) -> Vec<(&'static str, Value)> {
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
                } if *other == kind => Some(Value::Mapping(fields.clone())),
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

fn sorted(mut fields: Vec<(&str, Value)>) -> Mapping {
    fields.sort_by_key(|(field, _)| *field);
    let mut mapping = Mapping::default();
    for (field, value) in fields {
        mapping.push(field, value);
    }
    mapping
}

fn read_groups(fields: &Mapping) -> Result<Vec<KeyGroup>, MetadataError> {
    match fields.get("key_groups") {
        Some(Value::Sequence(_)) => list(fields, "key_groups")?
            .into_iter()
            .map(read_group)
            .collect(),
        Some(Value::Null) | None => Ok(vec![read_group(fields)?]),
        Some(_) => Err(wrong("key_groups", "a list")),
    }
}

fn read_group(fields: &Mapping) -> Result<KeyGroup, MetadataError> {
    let mut keys = Vec::new();
    for entry in list(fields, "age")? {
        let field = |field: &'static str| match optional_text(entry, field)? {
            Some(text) => Ok(text.to_owned()),
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
    Ok(KeyGroup { keys })
}

/// The mappings of a list; absent and null are empty.
fn list<'a>(fields: &'a Mapping, field: &str) -> Result<Vec<&'a Mapping>, MetadataError> {
    let value = match fields.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value,
    };
    let elements = value.elements().ok_or_else(|| wrong(field, "a list"))?;
    elements
        .map(|element| match element {
            Value::Mapping(mapping) => Ok(mapping),
            _ => Err(wrong(field, "a list of mappings")),
        })
        .collect()
}

fn optional_text<'a>(fields: &'a Mapping, field: &str) -> Result<Option<&'a str>, MetadataError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Scalar(Scalar::Time(_))) => Err(wrong(field, "quoted")),
        Some(value) => value.as_str().map(Some).ok_or_else(|| wrong(field, "text")),
    }
}

fn read_flag(fields: &Mapping, field: &str) -> Result<bool, MetadataError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Scalar(Scalar::Bool(flag))) => Ok(*flag),
        Some(value) => match value.as_str() {
            Some("true" | "1") => Ok(true),
            Some("false" | "0" | "") => Ok(false),
            _ => Err(wrong(field, "true or false")),
        },
    }
}

fn read_threshold(fields: &Mapping) -> Result<Option<u32>, MetadataError> {
    let field = "shamir_threshold";
    let number = match fields.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Scalar(Scalar::Int(number))) => u32::try_from(*number).ok(),
        Some(value) => value.as_str().and_then(|text| text.parse().ok()),
    };
    let number = number.ok_or_else(|| wrong(field, "a small number"))?;
    Ok((number > 0).then_some(number))
}

fn wrong(field: &str, expected: &'static str) -> MetadataError {
    MetadataError::Field {
        field: field.to_owned(),
        expected,
    }
}
