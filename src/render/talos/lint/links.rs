//! Links that a patch adds: any document about a link ends the default of asking on every link.

use serde_json::Value;

use super::{Finding, Subject};
use crate::spec::Code;

/// Kinds that describe a link.
const LINKS: &[&str] = &["LinkConfig", "BondConfig", "BridgeConfig", "VLANConfig"];

/// A link that gets no address: nothing gives it one, and Talos does not ask by itself any more.
pub(super) fn without_address(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(kind) = subject.kind().filter(|kind| LINKS.contains(kind)) else {
        return Vec::new();
    };
    let Some(name) = subject.patch.get("name").and_then(Value::as_str) else {
        return Vec::new();
    };
    let finished = subject
        .documents
        .iter()
        .filter(|document| document["name"] == name);
    let addressed = finished.clone().any(|document| {
        document.get("addresses").is_some()
            || document["kind"] == "DHCPv4Config"
            || document["kind"] == "DHCPv6Config"
    });
    let down = finished.clone().any(|document| document["up"] == false);
    if addressed || down || serves_another(subject.documents, name) || finished.count() == 0 {
        return Vec::new();
    }
    vec![
        Finding::new(
            Code::LinkWithoutAddress,
            format!("the link `{name}` gets no address"),
        )
        .at("name")
        .label(format!("a `{kind}` document ends DHCP on every link"))
        .help(format!(
            "add `addresses`, or a `DHCPv4Config` document with `name: {name}`"
        )),
    ]
}

/// A member of a bond or bridge and the carrier of a VLAN need no address.
fn serves_another(documents: &[Value], name: &str) -> bool {
    documents.iter().any(|document| {
        let members = document["links"].as_array().into_iter().flatten();
        document["parent"] == name || members.into_iter().any(|member| member == name)
    })
}
