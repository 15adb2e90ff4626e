//! Secret references: what stands in a rendered file in place of a secret.
//!
//! `{secretRef: "infrastructure/talos/secrets.sops.yaml#certs.os.key"}` names a file of the
//! repository and a dotted path in it. References are joined with their values in memory only, so a
//! rendered tree can be read, reviewed and committed by anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::model::Secret;
use crate::pki::SecretsBundle;
use crate::render::talos::{BUNDLE_PATH, PEM};
use crate::yaml;

/// What a person sees in place of a secret; Talos' own tools write the same.
pub const REDACTED: &str = "******";

/// A place in an encrypted file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretRef {
    /// The file, relative to the repository's root.
    pub file: String,
    /// The dotted path in it.
    pub path: String,
}

/// Why a text is not a secret reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a secret reference such as `cluster/secrets/app/login.sops.yaml#data.token`, found `{0}`"
)]
pub struct ParseSecretRefError(String);

/// Why references cannot be joined with their values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// A reference has another form.
    #[error(transparent)]
    Malformed(#[from] ParseSecretRefError),
    /// There is no value at the place.
    #[error("`{0}` refers to nothing")]
    Missing(SecretRef),
}

/// Something that knows secrets by their place.
pub trait SecretSource {
    /// Returns the value at the place.
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>>;
}

/// Knows no secret: for documents that hold no reference any more.
#[derive(Clone, Copy, Debug)]
pub struct NoSecrets;

impl SecretSource for NoSecrets {
    fn lookup(&self, _reference: &SecretRef) -> Option<Secret<String>> {
        None
    }
}

impl SecretSource for SecretsBundle {
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let own = reference.file == BUNDLE_PATH;
        let value = own.then(|| self.lookup(&reference.path)).flatten();
        value.map(|value| Secret::new(value.to_owned()))
    }
}

impl SecretRef {
    /// The key of the mapping that stands in a file.
    pub const KEY: &'static str = "secretRef";

    /// Names a place.
    pub fn new(file: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            path: path.into(),
        }
    }

    /// Reads a value as a reference; `None` when it is an ordinary value.
    pub fn of(value: &Value) -> Option<Result<Self, ParseSecretRefError>> {
        let entries = value.as_object().filter(|entries| entries.len() == 1)?;
        let text = entries.get(Self::KEY)?;
        Some(match text.as_str() {
            Some(text) => text.parse(),
            None => Err(ParseSecretRefError(text.to_string())),
        })
    }

    /// Returns the mapping that stands in a file.
    pub fn to_value(&self) -> Value {
        let entry = (Self::KEY.to_owned(), Value::from(self.to_string()));
        Value::Object(Map::from_iter([entry]))
    }
}

impl FromStr for SecretRef {
    type Err = ParseSecretRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once('#')
            .filter(|(file, path)| !file.is_empty() && !path.is_empty())
            .map(|(file, path)| Self::new(file, path))
            .ok_or_else(|| ParseSecretRefError(text.to_owned()))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.file, self.path)
    }
}

/// Returns every reference in the documents.
pub fn references(documents: &[Value]) -> Result<BTreeSet<SecretRef>, ParseSecretRefError> {
    let mut found = BTreeSet::new();
    let mut collect = |reference: SecretRef| {
        found.insert(reference);
        Ok::<_, ParseSecretRefError>(Value::Null)
    };
    for document in documents {
        replace(document, &mut collect)?;
    }
    Ok(found)
}

/// Returns the documents with every reference replaced by its value.
pub fn resolve(documents: &[Value], source: &dyn SecretSource) -> Result<Vec<Value>, JoinError> {
    let mut resolve = |reference: SecretRef| {
        let value = source
            .lookup(&reference)
            .or_else(|| pem(source, &reference))
            .ok_or(JoinError::Missing(reference))?;
        Ok::<_, JoinError>(Value::from(value.expose().as_str()))
    };
    documents
        .iter()
        .map(|document| replace(document, &mut resolve))
        .collect()
}

/// Returns the documents as one YAML stream, every reference replaced by its value.
pub fn join(documents: &[Value], source: &dyn SecretSource) -> Result<Secret<String>, JoinError> {
    let joined = resolve(documents, source)?;
    Ok(Secret::new(yaml::emit_documents(&joined)))
}

/// A machine configuration with its secrets, which still tells where they stand: what is compared with
/// it can be shown without them.
pub struct Joined {
    text: Secret<String>,
    documents: Vec<Value>,
    values: BTreeMap<SecretRef, Secret<String>>,
}

impl Joined {
    /// Joins documents with the values of their references.
    pub fn new(documents: Vec<Value>, source: &dyn SecretSource) -> Result<Self, JoinError> {
        let text = join(&documents, source)?;
        let known = |reference: SecretRef| {
            let value = source.lookup(&reference);
            let value = value.or_else(|| pem(source, &reference))?;
            Some((reference, value))
        };
        let values = references(&documents)?.into_iter().filter_map(known);
        Ok(Self {
            text,
            values: values.collect(),
            documents,
        })
    }

    /// Lends the whole, secrets included.
    pub fn expose(&self) -> &String {
        self.text.expose()
    }

    /// The documents with references in place of secrets.
    pub fn documents(&self) -> &[Value] {
        &self.documents
    }
}

impl SecretSource for Joined {
    fn lookup(&self, reference: &SecretRef) -> Option<Secret<String>> {
        let value = self.values.get(reference)?;
        Some(Secret::new(value.expose().clone()))
    }
}

/// Returns the documents with every reference hidden, for people.
pub fn redact(documents: &[Value]) -> Result<Vec<Value>, ParseSecretRefError> {
    let mut hide = |_| Ok::<_, ParseSecretRefError>(Value::from(REDACTED));
    documents
        .iter()
        .map(|document| replace(document, &mut hide))
        .collect()
}

/// The text of a certificate or key that the bundle holds in base64.
fn pem(source: &dyn SecretSource, reference: &SecretRef) -> Option<Secret<String>> {
    let path = reference
        .path
        .strip_suffix(PEM)
        .filter(|_| reference.file == BUNDLE_PATH)?;
    let encoded = source.lookup(&SecretRef::new(BUNDLE_PATH, path))?;
    let text = STANDARD.decode(encoded.expose()).ok()?;
    String::from_utf8(text).ok().map(Secret::new)
}

fn replace<E: From<ParseSecretRefError>>(
    value: &Value,
    with: &mut impl FnMut(SecretRef) -> Result<Value, E>,
) -> Result<Value, E> {
    if let Some(reference) = SecretRef::of(value) {
        return with(reference?);
    }
    Ok(match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), replace(value, with)?)))
            .collect::<Result<Map<_, _>, E>>()?
            .into(),
        Value::Array(items) => items
            .iter()
            .map(|item| replace(item, with))
            .collect::<Result<Vec<_>, E>>()?
            .into(),
        scalar => scalar.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents() -> Vec<Value> {
        vec![
            json!({"machine": {"token": {"secretRef": format!("{BUNDLE_PATH}#trustdinfo.token")}}}),
            json!({"kind": "X", "list": [{"secretRef": "own.sops.yaml#a.b"}], "secretRef": 1, "other": 2}),
        ]
    }

    #[test]
    fn lists_what_is_referred_to() {
        let found: Vec<_> = references(&documents())
            .expect("well formed")
            .into_iter()
            .collect();
        let expected = [
            SecretRef::new(BUNDLE_PATH, "trustdinfo.token"),
            SecretRef::new("own.sops.yaml", "a.b"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn joins_with_the_bundle_and_names_what_is_missing() {
        let bundle = SecretsBundle::throwaway();
        let text = join(&documents()[..1], &bundle).expect("all there");
        assert_eq!(
            text.expose(),
            "machine:\n  token: 63tx2e.ed8c3323ag662lhp\n"
        );
        let missing = match join(&documents(), &bundle) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(missing, "`own.sops.yaml#a.b` refers to nothing");
    }

    #[test]
    fn hides_for_people() {
        let redacted = redact(&documents()).expect("well formed");
        assert_eq!(redacted[0], json!({"machine": {"token": "******"}}));
        assert_eq!(redacted[1]["list"], json!(["******"]));
    }

    #[test]
    fn a_malformed_reference_is_an_error() {
        for value in [
            json!({"secretRef": "no-path"}),
            json!({"secretRef": "#x"}),
            json!({"secretRef": 1}),
        ] {
            assert!(references(&[json!({"a": value})]).is_err());
        }
    }
}
