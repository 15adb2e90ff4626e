//! Talos' strategic merge: how one set of documents is laid over another.
//!
//! Mappings merge key by key, scalars overwrite, lists are appended, a few lists are replaced as a
//! whole, and a few are merged entry by entry. Which is which is the machine configuration's own
//! rule, kept here as two tables; everything that they do not name follows the general rule, so
//! kinds and fields that are not known here merge as well. An empty text or a zero overwrites nothing.

use serde_json::{Map, Value};

use super::delete;
use crate::render::reference::SecretRef;

/// Why documents cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A document is not a mapping.
    #[error("expected a mapping, found {0}")]
    NotMapping(&'static str),
    /// The two sides are of different kinds.
    #[error("`{path}` is {left}, and {right} cannot be merged into it")]
    Clash {
        /// The place in the document.
        path: String,
        /// What is there.
        left: &'static str,
        /// What is to be merged.
        right: &'static str,
    },
    /// Something to be deleted is not there.
    #[error("nothing to delete at `{0}`")]
    NothingToDelete(String),
    /// The `v1alpha1` document cannot be deleted.
    #[error("the `v1alpha1` document cannot be deleted as a whole")]
    DeletesMain,
    /// An entry to be deleted says nothing about itself.
    #[error("an entry to delete at `{0}` needs a key by which it is found")]
    DeletesUnnamed(String),
}

/// The kind of a document that has none.
const MAIN: &str = "v1alpha1";

/// Lists and mappings that are replaced as a whole, by kind and path.
const REPLACED: &[(&str, &str)] = &[
    (MAIN, "cluster.network.podSubnets"),
    (MAIN, "cluster.network.serviceSubnets"),
    (MAIN, "cluster.apiServer.auditPolicy"),
    ("NetworkRuleConfig", "ingress"),
    ("NetworkRuleConfig", "portSelector.ports"),
];

/// Lists whose entries are found by one of these keys, and what happens to the entry found.
const KEYED: &[(&str, &str, &[&str], OnMatch)] = &[
    (
        MAIN,
        "machine.network.interfaces",
        &["interface", "deviceSelector"],
        OnMatch::Merge,
    ),
    (
        MAIN,
        "machine.network.interfaces.vlans",
        &["vlanId"],
        OnMatch::Merge,
    ),
    (
        MAIN,
        "cluster.apiServer.admissionControl",
        &["name"],
        OnMatch::Merge,
    ),
    (
        "ExtensionServiceConfig",
        "configFiles",
        &["mountPath"],
        OnMatch::Replace,
    ),
    (
        "ImageVerificationConfig",
        "rules",
        &["image"],
        OnMatch::Replace,
    ),
];

/// Settings that Talos hands on to another program: a value keeps its type there. Elsewhere the
/// field decides the type, and `1` may well stand for a text.
const FREE_FORM: &[&str] = &[
    "machine.kubelet.extraConfig",
    "machine.baseRuntimeSpecOverrides",
    "cluster.apiServer.admissionControl.configuration",
    "cluster.scheduler.config",
];

/// Arguments of a Kubernetes program: a key's value, text or list, is replaced.
const ARGUMENTS: &str = "extraArgs";

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnMatch {
    Merge,
    Replace,
}

/// Lays documents over others: each is merged into the one of the same kind and name, or added.
pub fn merge_documents(
    mut documents: Vec<Value>,
    patch: &[Value],
) -> Result<Vec<Value>, MergeError> {
    for document in patch {
        if !document.is_object() {
            return Err(MergeError::NotMapping(kind_of(document)));
        }
        let Some(remainder) = delete::apply(&mut documents, document)? else {
            continue;
        };
        let identity = identity(document);
        match documents
            .iter_mut()
            .find(|left| self::identity(left) == identity)
        {
            Some(left) => Place::root(document).merge(left, &remainder)?,
            None => documents.push(remainder),
        }
    }
    Ok(documents)
}

/// What tells one document from another: version, kind and name.
pub(super) fn identity(document: &Value) -> [Option<&str>; 3] {
    ["apiVersion", "kind", "name"].map(|key| document.get(key).and_then(Value::as_str))
}

/// A place in a document, by which the tables are read; entries of lists have no place of their own.
#[derive(Clone)]
struct Place<'a> {
    kind: &'a str,
    path: String,
}

impl<'a> Place<'a> {
    fn root(document: &'a Value) -> Self {
        let [_, kind, _] = identity(document);
        Self {
            kind: kind.unwrap_or(MAIN),
            path: String::new(),
        }
    }

    fn child(&self, key: &str) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            parent => format!("{parent}.{key}"),
        };
        Self {
            kind: self.kind,
            path,
        }
    }

    fn is_replaced(&self) -> bool {
        REPLACED.contains(&(self.kind, self.path.as_str()))
    }

    fn is_free_form(&self) -> bool {
        let inside = |root: &&str| {
            let rest = self.path.strip_prefix(*root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.kind == MAIN && FREE_FORM.iter().any(inside)
    }

    fn keys(&self) -> Option<(&'static [&'static str], OnMatch)> {
        KEYED
            .iter()
            .find(|(kind, path, ..)| (*kind, *path) == (self.kind, self.path.as_str()))
            .map(|(_, _, keys, on_match)| (*keys, *on_match))
    }

    fn merge(&self, left: &mut Value, right: &Value) -> Result<(), MergeError> {
        if right.is_null() {
            return Ok(());
        }
        if left.is_null() || self.is_replaced() {
            *left = right.clone();
            return Ok(());
        }
        match (left, right) {
            (left, right) if is_scalar(left) && is_scalar(right) => self.overwrite(left, right),
            (Value::Object(left), Value::Object(right)) => self.merge_mapping(left, right),
            (Value::Array(left), Value::Array(right)) => self.merge_list(left, right),
            (left, right) => Err(self.clash(left, right)),
        }
    }

    fn overwrite(&self, left: &mut Value, right: &Value) -> Result<(), MergeError> {
        if self.is_free_form() && kind_of(left) != kind_of(right) {
            return Err(self.clash(left, right));
        }
        if !is_empty(right) {
            *left = right.clone();
        }
        Ok(())
    }

    fn clash(&self, left: &Value, right: &Value) -> MergeError {
        MergeError::Clash {
            path: self.path.clone(),
            left: kind_of(left),
            right: kind_of(right),
        }
    }

    fn merge_mapping(
        &self,
        left: &mut Map<String, Value>,
        right: &Map<String, Value>,
    ) -> Result<(), MergeError> {
        let arguments = self.path.rsplit('.').next() == Some(ARGUMENTS);
        for (key, value) in right {
            match left.get_mut(key) {
                Some(slot) if arguments => *slot = value.clone(),
                Some(slot) => self.child(key).merge(slot, value)?,
                None if value.is_null() => {}
                None => {
                    left.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    fn merge_list(&self, left: &mut Vec<Value>, right: &[Value]) -> Result<(), MergeError> {
        let Some((keys, on_match)) = self.keys() else {
            left.extend(right.iter().cloned());
            return Ok(());
        };
        for entry in right {
            let same = keys
                .iter()
                .find_map(|key| entry.get(key).map(|value| (*key, value)));
            let found = same.and_then(|(key, value)| {
                left.iter_mut()
                    .find(|candidate| candidate.get(key) == Some(value))
            });
            match (found, on_match) {
                (Some(slot), OnMatch::Merge) => self.merge(slot, entry)?,
                (Some(slot), OnMatch::Replace) => *slot = entry.clone(),
                (None, _) => left.push(entry.clone()),
            }
        }
        Ok(())
    }
}

/// A secret reference stands for the text that it refers to.
fn is_scalar(value: &Value) -> bool {
    !(value.is_object() || value.is_array()) || SecretRef::of(value).is_some()
}

fn is_empty(value: &Value) -> bool {
    value.as_str() == Some("") || value.as_f64() == Some(0.0)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(left: Value, patch: Value) -> Value {
        let mut documents = merge_documents(vec![left], &[patch]).expect("merges");
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    #[test]
    fn lists_grow_scalars_change_and_what_is_not_named_stays() {
        let left =
            json!({"machine": {"certSANs": ["a"], "install": {"disk": "/dev/sda", "wipe": true}}});
        let patch =
            json!({"machine": {"certSANs": ["b"], "install": {"disk": "/dev/vda", "wipe": false}}});
        let expected = json!({"machine": {"certSANs": ["a", "b"], "install": {"disk": "/dev/vda", "wipe": false}}});
        assert_eq!(merged(left, patch), expected);
    }

    #[test]
    fn empty_text_and_zero_overwrite_nothing() {
        let left = json!({"cluster": {"clusterName": "a"}, "n": 1});
        let patch = json!({"cluster": {"clusterName": ""}, "n": 0, "new": ""});
        assert_eq!(
            merged(left, patch),
            json!({"cluster": {"clusterName": "a"}, "n": 1, "new": ""})
        );
    }

    #[test]
    fn some_lists_are_replaced() {
        let left = json!({"cluster": {"network": {"podSubnets": ["10.244.0.0/16"], "other": [1]}}});
        let patch = json!({"cluster": {"network": {"podSubnets": ["10.42.0.0/16"], "other": [2]}}});
        let expected =
            json!({"cluster": {"network": {"podSubnets": ["10.42.0.0/16"], "other": [1, 2]}}});
        assert_eq!(merged(left, patch), expected);
    }

    #[test]
    fn some_lists_are_merged_by_key() {
        let left = json!({"machine": {"network": {"interfaces": [
            {"interface": "eth0", "dhcp": true, "vlans": [{"vlanId": 4, "mtu": 1500}]},
        ]}}});
        let patch = json!({"machine": {"network": {"interfaces": [
            {"interface": "eth0", "mtu": 9000, "vlans": [{"vlanId": 4, "mtu": 1400}, {"vlanId": 5}]},
            {"deviceSelector": {"driver": "x"}},
        ]}}});
        let expected = json!({"machine": {"network": {"interfaces": [
            {"interface": "eth0", "dhcp": true, "vlans": [{"vlanId": 4, "mtu": 1400}, {"vlanId": 5}], "mtu": 9000},
            {"deviceSelector": {"driver": "x"}},
        ]}}});
        assert_eq!(merged(left, patch), expected);
    }

    #[test]
    fn documents_are_found_by_kind_and_name_or_added() {
        let documents = vec![
            json!({"machine": {}}),
            json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "a", "mtu": 1}),
        ];
        let patch = [
            json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "b"}),
            json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "a", "mtu": 2}),
        ];
        let merged = merge_documents(documents, &patch).expect("merges");
        assert_eq!(merged.len(), 3);
        assert_eq!(merged[1]["mtu"], 2);
        assert_eq!(merged[2]["name"], "b");
    }

    #[test]
    fn a_reference_is_a_scalar_on_either_side() {
        let reference = json!({"secretRef": "a#b"});
        let left = json!({"token": reference, "login": "x"});
        let patch = json!({"token": "plain", "login": reference});
        assert_eq!(
            merged(left, patch),
            json!({"token": "plain", "login": reference})
        );
    }

    #[test]
    fn what_cannot_be_merged_is_named() {
        let clash = merge_documents(vec![json!({"a": {"b": [1]}})], &[json!({"a": {"b": {}}})]);
        let clash = clash.expect_err("differs").to_string();
        assert_eq!(
            clash,
            "`a.b` is a list, and a mapping cannot be merged into it"
        );
        assert_eq!(
            merge_documents(Vec::new(), &[json!([1])]),
            Err(MergeError::NotMapping("a list"))
        );
    }
}
