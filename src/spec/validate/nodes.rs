//! The machines, with what they take from their classes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Scope, images, links, machine, names, patches};
use crate::model::Version;
use crate::spec::cluster::{
    Arch, DiskKind, DiskSelector, DiskTraits, Distribution, NicSelector, Node, Patch, Role,
};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{
    RawArch, RawClass, RawDisk, RawDiskKind, RawDiskTraits, RawImage, RawMachine, RawNic, RawNode,
    RawRole, RawSpec, Text,
};
use crate::spec::suggest::closest;
use crate::yaml::Spanned;

/// What is said for every node.
#[derive(Clone, Copy)]
struct Everywhere<'a> {
    machine: Option<&'a RawMachine>,
    image: Option<&'a RawImage>,
}

/// Makes the nodes; nothing if one could not be made. On hosts that are already installed, disk and
/// card are theirs to know.
pub(super) fn nodes(
    spec: &RawSpec,
    distribution: Option<&Distribution>,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> Option<Vec<Node>> {
    check_classes(spec, findings);
    let raw = spec.distribution.as_ref();
    let installed = raw.is_some_and(|distribution| distribution.k3s.is_some());
    let talos = raw.and_then(|raw| raw.talos.as_ref());
    let everywhere = Everywhere {
        machine: talos.and_then(|talos| talos.value.machine.as_ref()),
        image: talos.and_then(|talos| talos.value.image.as_ref()),
    };
    machine::check(spec, findings);
    links::check(spec, findings);
    let of_classes = class_patches(spec, scope, findings);
    let nodes: Vec<_> = spec
        .nodes
        .iter()
        .map(|raw| {
            let class = class_of(raw, spec);
            if !installed {
                check_hardware(raw, class, scope, findings);
            }
            let name = raw.class.as_ref().map(|name| name.value.as_str());
            let of_class = name.and_then(|name| of_classes.get(name));
            let mut patches = of_class.cloned().unwrap_or_default();
            patches.extend(patches::list(&raw.patches, scope, findings));
            node(raw, class, distribution, everywhere, patches, findings)
        })
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

fn node(
    raw: &RawNode,
    class: Option<&RawClass>,
    distribution: Option<&Distribution>,
    everywhere: Everywhere<'_>,
    patches: Vec<Patch>,
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
    let disk = raw
        .disk
        .as_ref()
        .or(class.and_then(|class| class.disk.as_ref()));
    let disk = disk.and_then(|disk| disk_selector(disk, findings));
    let nic = raw
        .nic
        .as_ref()
        .or(class.and_then(|class| class.nic.as_ref()));
    let nic = nic.and_then(|nic| nic_selector(nic, findings));
    let mut labels = class.map(|class| class.labels.clone()).unwrap_or_default();
    labels.extend(raw.labels.clone());
    Some(Node {
        name: name?,
        role: match raw.role.as_ref()?.value {
            RawRole::ControlPlane => Role::ControlPlane,
            RawRole::Worker => Role::Worker,
        },
        version: version(raw, distribution, findings)?,
        address: address?,
        arch: arch(raw, class),
        disk: disk?,
        nic: nic?,
        links: links::links(raw, class)?,
        image: images::image(everywhere.image, class, raw),
        settings: machine::settings(everywhere.machine, class, raw),
        labels: labels
            .into_iter()
            .map(|(key, text)| (key, text.value))
            .collect(),
        patches,
    })
}

/// The patches of the classes that nodes are of, each read once.
fn class_patches<'a>(
    spec: &'a RawSpec,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> BTreeMap<&'a str, Vec<Patch>> {
    let classes = spec.nodes.iter().filter_map(|node| node.class.as_ref());
    let names: BTreeSet<&str> = classes.map(|class| class.value.as_str()).collect();
    let used = names
        .into_iter()
        .filter_map(|name| Some((name, spec.classes.get(name)?)));
    used.map(|(name, class)| {
        let patches = patches::list(&class.patches, scope, findings).into_iter();
        let of_class = |patch| Patch {
            class: Some(name.to_owned()),
            ..patch
        };
        (name, patches.map(of_class).collect())
    })
    .collect()
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

fn check_hardware(
    raw: &RawNode,
    class: Option<&RawClass>,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let place = raw.name.as_ref().map(|name| name.span).unwrap_or_default();
    let lost = |key| scope.lost(key, scope.node(place));
    if raw.disk.is_none() && class.is_none_or(|class| class.disk.is_none()) && !lost("disk") {
        let finding = Diagnostic::new(Code::NoDisk, place, "the node has no `disk`")
            .label("of this node")
            .help("add `disk: {serial: …}`, so that no other disk is ever wiped");
        findings.add(finding);
    }
    if raw.nic.is_none() && class.is_none_or(|class| class.nic.is_none()) && !lost("nic") {
        let finding = Diagnostic::new(Code::NoNic, place, "the node has no `nic`")
            .label("of this node")
            .help("add `nic: {mac: \"…\"}`, so that the address goes to the right card");
        findings.add(finding);
    }
}

/// A node's own release, or that of the cluster.
fn version(
    raw: &RawNode,
    distribution: Option<&Distribution>,
    findings: &mut Findings,
) -> Option<Version> {
    let own = raw.version.as_ref().map(|text| findings.parsed(text));
    own.unwrap_or_else(|| distribution.map(|Distribution::Talos(talos)| talos.version.clone()))
}

fn disk_selector(raw: &Spanned<RawDisk>, findings: &mut Findings) -> Option<DiskSelector> {
    let disk = &raw.value;
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let serial = text(&disk.serial).map(DiskSelector::Serial);
    let wwid = text(&disk.wwid).map(DiskSelector::Wwid);
    let traits = disk
        .selector
        .as_ref()
        .map(|raw| disk_traits(&raw.value, findings));
    serial
        .or(wwid)
        .or(text(&disk.path).map(DiskSelector::Path))
        .or(traits)
}

fn disk_traits(raw: &RawDiskTraits, findings: &mut Findings) -> DiskSelector {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    DiskSelector::Traits(DiskTraits {
        model: text(&raw.model),
        kind: raw.kind.as_ref().map(|kind| match kind.value {
            RawDiskKind::Nvme => DiskKind::Nvme,
            RawDiskKind::Ssd => DiskKind::Ssd,
            RawDiskKind::Hdd => DiskKind::Hdd,
            RawDiskKind::Sd => DiskKind::Sd,
        }),
        size: raw.size.as_ref().and_then(|text| findings.parsed(text)),
        bus_path: text(&raw.bus_path),
    })
}

pub(super) fn nic_selector(raw: &Spanned<RawNic>, findings: &mut Findings) -> Option<NicSelector> {
    let name = raw.value.name.as_ref();
    match &raw.value.mac {
        Some(mac) => findings.parsed(mac).map(NicSelector::Mac),
        None => name.map(|text| NicSelector::Name(text.value.clone())),
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
