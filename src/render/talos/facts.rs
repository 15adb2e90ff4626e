//! What finished documents say about a machine, whichever contract they are written in.

use serde_json::Value;

/// Tells whether a control plane brings a pod network, which is flannel; workers are told nothing of it.
pub fn has_own_network(documents: &[Value]) -> bool {
    let of_kind = |kind: &str| documents.iter().any(|document| document["kind"] == kind);
    // Since 1.14 it has a document; before, it is there unless a field says otherwise.
    if of_kind("KubeNetworkConfig") {
        return of_kind("KubeFlannelCNIConfig");
    }
    let name = documents
        .iter()
        .find_map(|document| document.pointer("/cluster/network/cni/name"));
    name.is_none_or(|name| name == "flannel")
}
