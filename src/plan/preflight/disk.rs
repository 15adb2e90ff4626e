//! Exactly one disk is written, and what it holds is only lost with consent.

use super::super::consent::Consents;
use super::super::observed::{Disk, Hardware};
use super::super::refusal::{Fence, Refusal};
use super::Findings;
use crate::spec::cluster::{DiskSelector, Node};

/// Returns the disks that the spec's selector matches and that can be written.
pub(in crate::plan) fn matching_disks<'a>(node: &Node, hardware: &'a Hardware) -> Vec<&'a Disk> {
    hardware
        .disks
        .iter()
        .filter(|disk| !disk.readonly && !disk.cdrom)
        .filter(|disk| match &node.disk {
            DiskSelector::Serial(serial) => disk.serial == *serial,
            DiskSelector::Wwid(wwid) => disk.wwid == *wwid,
            DiskSelector::Path(path) => disk.path == *path || disk.symlinks.contains(path),
            DiskSelector::Traits(traits) => traits.are_of(
                &disk.model,
                &disk.transport,
                disk.rotational,
                disk.size,
                &disk.bus_path,
            ),
        })
        .collect()
}

pub(super) fn check(
    node: &Node,
    hardware: &Hardware,
    consents: &Consents,
    findings: &mut Findings,
) {
    let name = &node.name;
    let refuse =
        |fence, message: String, remedy: String| Refusal::new(fence, message, remedy).on(name);
    let wanted = &node.disk;
    let matching = matching_disks(node, hardware);
    let found = match matching.as_slice() {
        [] => {
            findings.refusals.push(refuse(
                Fence::DiskSelection,
                format!(
                    "no writable disk of `{name}` has {wanted}; it has {}",
                    disks(&hardware.disks)
                ),
                "correct `disk` of the node in homelab.yaml".to_owned(),
            ));
            return;
        }
        [disk] => (*disk).clone(),
        several => {
            findings.refusals.push(refuse(
                Fence::DiskSelection,
                format!("{} disks of `{name}` have {wanted}", several.len()),
                "name the disk by something that only it has, such as its WWID".to_owned(),
            ));
            return;
        }
    };
    if found.holds.is_empty() || consents.allows_wipe(name, consent_key(&found), &found.wwid) {
        return;
    }
    findings.refusals.push(refuse(
        Fence::DiskInUse,
        format!(
            "{} of `{name}` holds {}",
            disk_text(&found),
            found.holds.join(", ")
        ),
        format!(
            "if all of it may be lost, pass `--wipe {name}={}`",
            consent_key(&found)
        ),
    ));
}

/// What a person types to agree to the loss of a disk.
fn consent_key(disk: &Disk) -> &str {
    [&disk.serial, &disk.wwid]
        .into_iter()
        .find(|key| !key.is_empty())
        .unwrap_or(&disk.path)
}

fn disks(disks: &[Disk]) -> String {
    if disks.is_empty() {
        return "none".to_owned();
    }
    let described: Vec<_> = disks.iter().map(disk_text).collect();
    described.join("; ")
}

/// Describes a disk the way a person recognises it.
pub(in crate::plan) fn disk_text(disk: &Disk) -> String {
    let size = disk.size / 1_000_000_000;
    let mut text = format!("`{}` ({size} GB", disk.path);
    for (label, value) in [("", &disk.model), ("serial ", &disk.serial)] {
        if !value.is_empty() {
            text.push_str(", ");
            text.push_str(label);
            text.push_str(value);
        }
    }
    text.push(')');
    text
}
