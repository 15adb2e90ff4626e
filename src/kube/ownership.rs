//! Who owns a live object: what the GitOps engine owns, a bootstrap never touches.

use serde_json::Value;

/// Labels that the engine puts on everything that it owns.
const OWNER_LABELS: &[&str] = &[
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "fluxcd.controlplane.io/name",
    "resourceset.fluxcd.controlplane.io/name",
];

/// Returns who owns the object, when the GitOps engine does: `label: name`.
pub fn owner(object: &Value) -> Option<String> {
    let labels = object["metadata"]["labels"].as_object()?;
    OWNER_LABELS.iter().find_map(|label| {
        let name = labels.get(*label)?.as_str()?;
        Some(format!("{label}: {name}"))
    })
}

/// The labels of what a HelmRelease brings.
const RELEASE_NAME: &str = "helm.toolkit.fluxcd.io/name";
const RELEASE_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";

/// Tells whether an object was brought by this HelmRelease, be it still there or not.
pub fn is_of_release(object: &Value, namespace: &str, name: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    labels[RELEASE_NAMESPACE] == namespace && labels[RELEASE_NAME] == name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_owner_label_counts_and_others_do_not() {
        let labelled = |label: &str| json!({"metadata": {"labels": {label: "cilium"}}});
        for label in OWNER_LABELS {
            assert!(owner(&labelled(label)).is_some(), "{label}");
        }
        assert_eq!(owner(&labelled("app.kubernetes.io/managed-by")), None);
        assert_eq!(owner(&json!({"metadata": {}})), None);
    }

    #[test]
    fn what_a_release_brought_is_known_by_both_labels() {
        let labels = json!({RELEASE_NAME: "cilium", RELEASE_NAMESPACE: "kube-system"});
        let object = json!({"metadata": {"labels": labels}});
        assert!(is_of_release(&object, "kube-system", "cilium"));
        assert!(!is_of_release(&object, "default", "cilium"));
        assert!(!is_of_release(&json!({}), "kube-system", "cilium"));
    }
}
