//! Objects in order and in words.

use serde_json::Value;

/// Kinds that others need, in the order in which they are applied; the rest follows.
const FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "PriorityClass",
    "StorageClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
];

/// Sorts objects so that each comes after what it needs; the order of equals is kept.
pub fn in_apply_order(objects: &[Value]) -> Vec<&Value> {
    let rank = |object: &&Value| {
        let kind = object["kind"].as_str().unwrap_or_default();
        FIRST
            .iter()
            .position(|first| *first == kind)
            .unwrap_or(FIRST.len())
    };
    let mut sorted: Vec<&Value> = objects.iter().collect();
    sorted.sort_by_key(rank);
    sorted
}

/// Names an object for people: `Kind namespace/name`.
pub fn describe(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or("object");
    let name = object["metadata"]["name"].as_str().unwrap_or("?");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} `{namespace}/{name}`"),
        None => format!("{kind} `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_need_comes_first() {
        let object = |kind: &str, name: &str| json!({"kind": kind, "metadata": {"name": name}});
        let objects = [
            object("Job", "a"),
            object("ServiceAccount", "b"),
            object("Namespace", "c"),
            object("ConfigMap", "d"),
            object("ConfigMap", "c"),
        ];
        let order: Vec<_> = in_apply_order(&objects).into_iter().map(describe).collect();
        assert_eq!(
            order,
            [
                "Namespace `c`",
                "ServiceAccount `b`",
                "ConfigMap `d`",
                "ConfigMap `c`",
                "Job `a`"
            ]
        );
    }
}
