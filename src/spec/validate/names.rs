//! Names of nodes and of the cluster.

use std::collections::BTreeMap;

use super::Findings;
use crate::model::{NodeName, is_domain};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawSpec, Text};
use crate::yaml::Span;

/// Names that already mean something on a host or in a cluster.
const RESERVED: &[&str] = &[
    "localhost",
    "ip6-localhost",
    "ip6-loopback",
    "broadcasthost",
    "kubernetes",
    "control-plane",
];

/// Parses a name that a host may have.
pub(super) fn host_name(text: &Text, what: &str, findings: &mut Findings) -> Option<NodeName> {
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        let message = format!("`{text}` cannot be {what}");
        let mut finding = Diagnostic::new(Code::InvalidHostName, text.span, message)
            .label("1 to 63 lower-case letters, digits and inner hyphens");
        if let Some(better) = repaired(&text.value) {
            finding = finding.help(format!("did you mean `{better}`?"));
        }
        findings.add(finding);
    }
    parsed
}

/// Reports names that two nodes share, and names that are reserved.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for name in spec.nodes.iter().filter_map(|node| node.name.as_ref()) {
        if RESERVED.contains(&name.value.as_str()) {
            let message = format!("`{name}` is a reserved name");
            let help = "give the node a name of its own, such as `node-1`";
            findings.add(Diagnostic::new(Code::ReservedHostName, name.span, message).help(help));
        }
        if let Some(first) = seen.get(&name.value) {
            let message = format!("two nodes are called `{name}`");
            let finding = Diagnostic::new(Code::DuplicateName, name.span, message)
                .label("here again")
                .also(*first, "first here")
                .help("give one of them another name");
            findings.add(finding);
        } else {
            seen.insert(name.value.clone(), name.span);
        }
    }
}

/// Reports a text that is no DNS name.
pub(super) fn domain(text: &Text, findings: &mut Findings) -> Option<String> {
    if is_domain(&text.value) {
        return Some(text.value.clone());
    }
    let message = format!("expected a DNS name such as `homelab.local`, found `{text}`");
    findings.invalid(text.span, message);
    None
}

fn repaired(text: &str) -> Option<String> {
    let lower = text.to_lowercase().replace(['_', '.', ' '], "-");
    let repaired = lower.trim_matches('-').to_owned();
    repaired.parse::<NodeName>().is_ok().then_some(repaired)
}
