//! Which file of the repository an object of the cluster comes from, so that whoever has to mend it
//! need not search.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::yaml;

/// Kind, namespace and name.
type Key = [String; 3];

/// The objects of a repository, each with its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<Key, Utf8PathBuf>);

impl Origins {
    /// Reads the objects of these files; what is none is left out.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a Utf8Path, &'a [u8])>) -> Self {
        let mut found = BTreeMap::new();
        for (path, bytes) in files {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            for object in yaml::parse_documents(text).unwrap_or_default() {
                for key in brought_by(&object) {
                    found.entry(key).or_insert_with(|| path.to_owned());
                }
            }
        }
        Self(found)
    }

    /// Returns the file that a live object comes from.
    pub fn file_of(&self, object: &Value) -> Option<&Utf8Path> {
        self.0.get(&key(object)).map(Utf8PathBuf::as_path)
    }
}

/// An object brings itself; the instance of Flux also the source and the Kustomization that all
/// others come from, which have the name of its namespace.
fn brought_by(object: &Value) -> Vec<Key> {
    let own = key(object);
    let root = own[1].clone();
    let roots = ["GitRepository", "Kustomization"]
        .map(|kind| [kind.to_owned(), root.clone(), root.clone()]);
    let is_instance = own[0] == "FluxInstance";
    let roots = roots.into_iter().filter(|_| is_instance);
    std::iter::once(own).chain(roots).collect()
}

fn key(object: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    [
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"]),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_found_by_kind_namespace_and_name() {
        let instance = "kind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\n";
        let two = "kind: Service\nmetadata: {name: a, namespace: x}\n---\nkind: Namespace\nmetadata: {name: x}\n";
        let origins = Origins::of([
            (Utf8Path::new("flux.yaml"), instance.as_bytes()),
            (Utf8Path::new("two.yaml"), two.as_bytes()),
            (Utf8Path::new("damaged.yaml"), b"kind: [".as_slice()),
        ]);
        let file = |kind: &str, namespace: Option<&str>, name: &str| {
            let metadata = json!({"namespace": namespace, "name": name});
            let file = origins.file_of(&json!({"kind": kind, "metadata": metadata}));
            file.map(Utf8Path::as_str)
        };
        assert_eq!(file("Service", Some("x"), "a"), Some("two.yaml"));
        assert_eq!(file("Namespace", None, "x"), Some("two.yaml"));
        let root = file("Kustomization", Some("flux-system"), "flux-system");
        assert_eq!(root, Some("flux.yaml"));
        assert_eq!(file("Service", Some("y"), "a"), None);
    }
}
