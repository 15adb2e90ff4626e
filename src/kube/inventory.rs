//! What Kustomizations and HelmReleases have applied, as their inventories tell, and whether two of
//! them apply the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::objects::describe;

/// An object that two have applied: each undoes what the other does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// The object, in words.
    pub object: String,
    /// The two, in words.
    pub owners: [String; 2],
}

/// Finds the first object that two of these have applied.
pub fn contested(owners: &[Value]) -> Option<Contested> {
    let mut first: BTreeMap<&str, &Value> = BTreeMap::new();
    for owner in owners {
        let entries = owner["status"]["inventory"]["entries"].as_array();
        for entry in entries.into_iter().flatten() {
            let Some(id) = entry["id"].as_str() else {
                continue;
            };
            if let Some(other) = first.insert(id, owner)
                && describe(other) != describe(owner)
            {
                return Some(Contested {
                    object: words(id),
                    owners: [describe(other), describe(owner)],
                });
            }
        }
    }
    None
}

/// Words an entry: namespace, name, group and kind, in this order between `_`; `__` in the name stands
/// for `:`.
fn words(id: &str) -> String {
    let parts = || {
        let (namespace, rest) = id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, _group) = rest.rsplit_once('_')?;
        Some((namespace, name.replace("__", ":"), kind))
    };
    match parts() {
        Some(("", name, kind)) => format!("{kind} `{name}`"),
        Some((namespace, name, kind)) => format!("{kind} `{namespace}/{name}`"),
        None => format!("`{id}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner(kind: &str, name: &str, ids: &[&str]) -> Value {
        let entries: Vec<_> = ids.iter().map(|id| json!({"id": id, "v": "v1"})).collect();
        json!({"kind": kind, "metadata": {"name": name, "namespace": "flux-system"},
            "status": {"inventory": {"entries": entries}}})
    }

    #[test]
    fn an_object_of_two_owners_is_named_with_both() {
        let shared = "flux-system_cluster-secrets__Secret";
        let owners = [
            owner("Kustomization", "one", &["_demo__Namespace", shared]),
            owner("HelmRelease", "quiet", &[]),
            owner("Kustomization", "two", &[shared]),
        ];
        let found = contested(&owners).expect("two bring it");
        assert_eq!(found.object, "Secret `flux-system/cluster-secrets`");
        let names = [
            "Kustomization `flux-system/one`",
            "Kustomization `flux-system/two`",
        ];
        assert_eq!(found.owners, names);
        assert_eq!(contested(&owners[..2]), None);
    }

    #[test]
    fn entries_are_read_as_flux_writes_them() {
        for (id, expected) in [
            (
                "_system__node_rbac.authorization.k8s.io_ClusterRole",
                "ClusterRole `system:node`",
            ),
            ("apps_web_apps_Deployment", "Deployment `apps/web`"),
            ("damaged", "`damaged`"),
        ] {
            assert_eq!(words(id), expected);
        }
    }
}
