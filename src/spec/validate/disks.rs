//! Disks and network cards: each belongs to one node, under a name that stays.

use std::collections::BTreeMap;

use super::Findings;
use crate::model::MacAddress;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawDisk, RawSpec, Text};
use crate::yaml::Span;

/// Reports disks and cards that two nodes share, and disks by names that may change.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let classes = spec
        .classes
        .values()
        .filter_map(|class| class.disk.as_ref());
    for disk in spec
        .nodes
        .iter()
        .filter_map(|node| node.disk.as_ref())
        .chain(classes)
    {
        unstable(&disk.value, findings);
    }
    let mut disks = BTreeMap::new();
    let mut cards = BTreeMap::new();
    for node in &spec.nodes {
        let name = node.name.as_ref().map_or("a node", |name| &name.value);
        let disk = node.disk.as_ref().map(|disk| &disk.value);
        let identity = disk.and_then(|disk| disk.serial.as_ref().or(disk.wwid.as_ref()));
        if let Some(text) = identity {
            unique(
                text,
                text.value.to_lowercase(),
                name,
                Code::DuplicateDisk,
                &mut disks,
                findings,
            );
        }
        let mac = node.nic.as_ref().and_then(|nic| nic.value.mac.as_ref());
        if let Some((text, mac)) =
            mac.and_then(|text| Some((text, text.value.parse::<MacAddress>().ok()?)))
        {
            unique(
                text,
                mac.to_string(),
                name,
                Code::DuplicateMac,
                &mut cards,
                findings,
            );
        }
    }
}

fn unique<'a>(
    text: &Text,
    key: String,
    owner: &'a str,
    code: Code,
    seen: &mut BTreeMap<String, (Span, &'a str)>,
    findings: &mut Findings,
) {
    let Some((first, other)) = seen.get(&key) else {
        seen.insert(key, (text.span, owner));
        return;
    };
    let what = if code == Code::DuplicateDisk {
        "disk"
    } else {
        "network card"
    };
    let message = format!("`{other}` and `{owner}` have the same {what}, `{text}`");
    let finding = Diagnostic::new(code, text.span, message)
        .label(format!("the {what} of `{owner}`"))
        .also(*first, format!("the {what} of `{other}`"))
        .help(format!(
            "correct one of them: no two machines share a {what}"
        ));
    findings.add(finding);
}

fn unstable(disk: &RawDisk, findings: &mut Findings) {
    if let Some(traits) = &disk.selector {
        let finding = Diagnostic::new(Code::DiskByTraits, traits.span, "the disk is chosen by its traits")
            .label("a second disk with these traits would be as good")
            .help("name it by `serial` or `wwid` once they are known; bootstrap refuses when two disks fit");
        findings.add(finding);
    }
    let Some(path) = &disk.path else { return };
    if !path.value.starts_with("/dev/") {
        let message = format!("expected a device path such as `/dev/disk/by-id/…`, found `{path}`");
        findings.invalid(path.span, message);
    } else if !path.value.starts_with("/dev/disk/by-") {
        let message = format!("`{path}` may be another disk after the next boot");
        let finding = Diagnostic::new(Code::UnstableDisk, path.span, message)
            .label("the kernel names disks in the order it finds them")
            .help("name the disk by `serial` or `wwid`; `lsblk -o NAME,SERIAL,WWN` shows them");
        findings.add(finding);
    }
}
