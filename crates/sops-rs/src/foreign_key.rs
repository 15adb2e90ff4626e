//! Keys of other kinds than age: what names them, for messages. Only `sops` itself can use them.

use std::fmt;

use crate::metadata::{KeyKind, MasterKey};
use crate::tree::{Mapping, Value};

/// A key of another kind, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// Its kind.
    pub kind: KeyKind,
    /// Its fingerprint, resource name or address.
    pub name: String,
}

impl ForeignKey {
    /// Reads what a file says about a key; `None` for age keys.
    pub fn of(key: &MasterKey) -> Option<Self> {
        let MasterKey::Other { kind, fields } = key else {
            return None;
        };
        let parts: &[&str] = match kind {
            KeyKind::Pgp => &["fp"],
            KeyKind::AwsKms => &["arn"],
            KeyKind::GcpKms => &["resource_id"],
            KeyKind::HuaweiKms => &["key_id"],
            KeyKind::AzureKeyVault => &["vault_url", "name", "version"],
            KeyKind::Vault => &["vault_address", "engine_path", "key_name"],
        };
        let parts = parts.iter().filter_map(|part| text(fields, part));
        Some(Self {
            kind: *kind,
            name: parts.collect::<Vec<_>>().join("/"),
        })
    }
}

fn text<'a>(fields: &'a Mapping, field: &str) -> Option<&'a str> {
    let text = fields.get(field).and_then(Value::as_str)?;
    Some(text.trim_end_matches('/')).filter(|text| !text.is_empty())
}

impl fmt::Display for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            KeyKind::Pgp => "PGP key",
            KeyKind::AwsKms => "AWS KMS key",
            KeyKind::GcpKms => "GCP KMS key",
            KeyKind::HuaweiKms => "Huawei KMS key",
            KeyKind::AzureKeyVault => "Azure Key Vault key",
            KeyKind::Vault => "Vault transit key",
        };
        if self.name.is_empty() {
            f.write_str(kind)
        } else {
            write!(f, "{kind} `{}`", self.name)
        }
    }
}
