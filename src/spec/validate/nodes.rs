//! The machines, with what they take from their classes.

use serde_json::{Map, Value};

use super::{Findings, Scope, names};
use crate::spec::cluster::{Arch, DiskSelector, NicSelector, Node, Patch, Role};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawArch, RawClass, RawDisk, RawNic, RawNode, RawRole, RawSpec};
use crate::spec::suggest::closest;
use crate::yaml::{Span, Spanned};

/// Makes the nodes; nothing if one could not be made.
pub(super) fn nodes(
    spec: &RawSpec,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> Option<Vec<Node>> {
    check_classes(spec, findings);
    let nodes: Vec<_> = spec
        .nodes
        .iter()
        .map(|raw| node(raw, class_of(raw, spec), scope, findings))
        .collect();
    nodes
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .filter(|nodes| !nodes.is_empty())
}

/// Returns the class of a node.
pub(super) fn class_of<'a>(node: &RawNode, spec: &'a RawSpec) -> Option<&'a RawClass> {
    node.class
        .as_ref()
        .and_then(|name| spec.classes.get(&name.value))
}

/// Gives patches the lines they stand in.
pub(super) fn patches(raw: &[Spanned<Map<String, Value>>], scope: Scope<'_>) -> Vec<Patch> {
    raw.iter()
        .map(|patch| Patch {
            content: Value::Object(patch.value.clone()),
            line: patch.span.position(scope.source).0,
        })
        .collect()
}

fn node(
    raw: &RawNode,
    class: Option<&RawClass>,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> Option<Node> {
    let name = raw
        .name
        .as_ref()
        .and_then(|name| names::host_name(name, "a node's name", findings));
    let address = raw
        .address
        .as_ref()
        .and_then(|address| findings.address(address));
    let place = raw.name.as_ref().map(|name| name.span).unwrap_or_default();
    let disk = raw
        .disk
        .as_ref()
        .or(class.and_then(|class| class.disk.as_ref()));
    let disk = disk_selector(disk, place, findings);
    let nic = raw
        .nic
        .as_ref()
        .or(class.and_then(|class| class.nic.as_ref()));
    let nic = nic_selector(nic, place, findings);
    let mut labels = class.map(|class| class.labels.clone()).unwrap_or_default();
    labels.extend(raw.labels.clone());
    let mut patches = patches(class.map_or(&[], |class| &class.patches), scope);
    patches.extend(self::patches(&raw.patches, scope));
    Some(Node {
        name: name?,
        role: match raw.role.as_ref()?.value {
            RawRole::ControlPlane => Role::ControlPlane,
            RawRole::Worker => Role::Worker,
        },
        address: address?,
        arch: arch(raw, class),
        disk: disk?,
        nic: nic?,
        labels: labels
            .into_iter()
            .map(|(key, text)| (key, text.value))
            .collect(),
        patches,
    })
}

/// Returns the architecture of a node.
pub(super) fn arch(raw: &RawNode, class: Option<&RawClass>) -> Arch {
    let raw = raw
        .arch
        .as_ref()
        .or(class.and_then(|class| class.arch.as_ref()));
    match raw.map(|arch| arch.value) {
        Some(RawArch::Arm64) => Arch::Arm64,
        Some(RawArch::Amd64) | None => Arch::Amd64,
    }
}

fn disk_selector(
    raw: Option<&Spanned<RawDisk>>,
    place: Span,
    findings: &mut Findings,
) -> Option<DiskSelector> {
    let Some(raw) = raw else {
        let finding = Diagnostic::new(Code::NoDisk, place, "the node has no `disk`")
            .label("of this node")
            .help("add `disk: {serial: …}`, so that no other disk is ever wiped");
        findings.add(finding);
        return None;
    };
    let disk = &raw.value;
    let serial = disk
        .serial
        .as_ref()
        .map(|text| DiskSelector::Serial(text.value.clone()));
    let wwid = disk
        .wwid
        .as_ref()
        .map(|text| DiskSelector::Wwid(text.value.clone()));
    let path = disk
        .path
        .as_ref()
        .map(|text| DiskSelector::Path(text.value.clone()));
    serial.or(wwid).or(path)
}

fn nic_selector(
    raw: Option<&Spanned<RawNic>>,
    place: Span,
    findings: &mut Findings,
) -> Option<NicSelector> {
    let Some(raw) = raw else {
        let finding = Diagnostic::new(Code::NoNic, place, "the node has no `nic`")
            .label("of this node")
            .help("add `nic: {mac: \"…\"}`, so that the address goes to the right card");
        findings.add(finding);
        return None;
    };
    let mac = raw.value.mac.as_ref();
    let name = raw
        .value
        .name
        .as_ref()
        .map(|text| NicSelector::Name(text.value.clone()));
    match mac {
        Some(mac) => findings.parsed(mac).map(NicSelector::Mac),
        None => name,
    }
}

fn check_classes(spec: &RawSpec, findings: &mut Findings) {
    for class in spec.nodes.iter().filter_map(|node| node.class.as_ref()) {
        if spec.classes.contains_key(&class.value) {
            continue;
        }
        let finding = Diagnostic::new(
            Code::UnknownClass,
            class.span,
            format!("there is no class `{class}`"),
        );
        let names = spec.classes.keys().map(String::as_str);
        findings.add(match closest(&class.value, names) {
            Some(close) => finding.help(format!("did you mean `{close}`?")),
            None => finding.help(format!("describe it under `classes: {{{class}: …}}`")),
        });
    }
}
