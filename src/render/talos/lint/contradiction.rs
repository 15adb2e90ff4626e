//! Patches against what the spec says itself: the rest of what is rendered follows the spec.

use serde_json::Value;

use super::{Finding, Subject};
use crate::render::talos::base;
use crate::spec::Code;

/// Host name, cluster name and endpoint.
pub(super) fn identity(subject: &Subject<'_>) -> Vec<Finding> {
    let name = subject.node.name.as_str();
    let endpoint = base::endpoint_url(&subject.cluster.control_plane.endpoint);
    let cluster = subject.cluster.name.as_str();
    let wanted: &[(&str, &str, &str)] = match subject.kind() {
        None => &[
            ("machine.network.hostname", name, "`name` of the node"),
            ("cluster.controlPlane.endpoint", &endpoint, "`controlPlane`"),
            ("cluster.clusterName", cluster, "`metadata.name`"),
        ],
        Some("HostnameConfig") => &[("hostname", name, "`name` of the node")],
        Some("KubeClusterConfig") => &[
            ("endpoint", &endpoint, "`controlPlane`"),
            ("clusterName", cluster, "`metadata.name`"),
        ],
        Some(_) => &[],
    };
    let differs = |(path, said, where_said): &(&str, &str, &str)| {
        let written = subject.at(path).and_then(Value::as_str)?;
        (!written.is_empty() && written != *said).then(|| Finding {
            code: Code::ContradictsSpec,
            message: format!(
                "the patch makes `{path}` of `{name}` `{written}`, the spec says `{said}`"
            ),
            label: "against the spec".to_owned(),
            help: format!("change {where_said} in the spec, from which everything else follows"),
        })
    };
    let mut found: Vec<_> = wanted.iter().filter_map(differs).collect();
    found.extend(automatic_name(subject));
    found
}

/// A document with both is refused, and the spec's host name is there already.
fn automatic_name(subject: &Subject<'_>) -> Option<Finding> {
    let automatic = subject
        .at("auto")
        .and_then(Value::as_str)
        .filter(|auto| *auto != "off")?;
    (subject.kind() == Some("HostnameConfig")).then(|| Finding {
        code: Code::AutomaticHostName,
        message: format!("`auto: {automatic}` beside a host name"),
        label: "Talos refuses a document with both".to_owned(),
        help: "remove it: every node has the host name that the spec gives it".to_owned(),
    })
}
