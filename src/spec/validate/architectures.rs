//! Whether components have images for every node's processor.

use std::collections::BTreeMap;

use super::components::{Section, entries};
use super::{Findings, Scope, nodes};
use crate::spec::cluster::Arch;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::RawSpec;

/// Reports components that cannot run on some node.
pub(super) fn check(spec: &RawSpec, scope: Scope<'_>, findings: &mut Findings) {
    let mut machines: BTreeMap<&str, &str> = BTreeMap::new();
    for node in &spec.nodes {
        let name = node.name.as_ref().map_or("a node", |name| &name.value);
        let arch = match nodes::arch(node, nodes::class_of(node, spec)) {
            Arch::Amd64 => "amd64",
            Arch::Arm64 => "arm64",
        };
        machines.entry(arch).or_insert(name);
    }
    for entry in [Section::Components, Section::Apps]
        .into_iter()
        .flat_map(|section| entries(section, scope))
    {
        let Some(component) = scope.catalog.get(&entry.key) else {
            continue;
        };
        for (arch, name) in &machines {
            let images = &component.architectures;
            if images.is_empty() || images.iter().any(|image| image == arch) {
                continue;
            }
            let message = format!(
                "`{}` has no images for {arch}, which `{name}` is",
                component.name
            );
            let finding = Diagnostic::new(Code::UnsupportedArchitecture, entry.key_span, message)
                .label(format!("has images for {}", images.join(", ")))
                .help("keep it off such nodes with `values`, then accept the warning");
            findings.add(finding);
        }
    }
}
