//! Whether control planes have the memory that etcd and the API server need.

use super::Findings;
use super::nodes::class_of;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawRole, RawSpec};

/// What Talos and k3s recommend for a control plane that also runs pods.
const ENOUGH: u64 = 4 << 30;

/// Reports control planes with little memory, and amounts that cannot be read.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    for class in spec.classes.values() {
        if let Some(text) = class
            .memory
            .as_ref()
            .filter(|text| bytes(&text.value).is_none())
        {
            findings.invalid(text.span, expectation(&text.value));
        }
    }
    for node in &spec.nodes {
        let class = class_of(node, spec);
        let Some(text) = node
            .memory
            .as_ref()
            .or(class.and_then(|class| class.memory.as_ref()))
        else {
            continue;
        };
        let amount = bytes(&text.value);
        if amount.is_none() && node.memory.is_some() {
            findings.invalid(text.span, expectation(&text.value));
        }
        let votes = node
            .role
            .as_ref()
            .is_some_and(|role| role.value == RawRole::ControlPlane);
        if votes && amount.is_some_and(|amount| amount < ENOUGH) {
            let name = node.name.as_ref().map_or("a node", |name| &name.value);
            let place = node.memory.as_ref().or(node.name.as_ref()).unwrap_or(text);
            let message = format!("`{name}` is a control plane with {text} of memory");
            let finding = Diagnostic::new(Code::WeakVoter, place.span, message)
                .label("etcd and the API server want 4Gi")
                .help("make it a worker, or accept the warning with your reason");
            findings.add(finding);
        }
    }
}

fn expectation(text: &str) -> String {
    format!("expected an amount of memory such as `16Gi`, found `{text}`")
}

/// Reads an amount as Kubernetes writes them.
fn bytes(text: &str) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("", 1),
    ];
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quantities_as_kubernetes_writes_them() {
        let cases = [
            ("16Gi", Some(17_179_869_184)),
            ("2048Mi", Some(2_147_483_648)),
            ("2G", Some(2_000_000_000)),
            ("1024", Some(1024)),
            ("16 GB", None),
            ("", None),
            ("99999999999Ti", None),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
