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
}
