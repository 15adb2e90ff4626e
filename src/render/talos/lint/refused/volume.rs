//! Documents of volumes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::forms::bytes;
use super::{Judge, each, is_nothing};
use crate::render::talos::Contract;

/// Volumes of the system, and since when they can be set.
const SYSTEM: &[(&str, Contract)] = &[
    ("STATE", Contract::OLDEST),
    ("EPHEMERAL", Contract::OLDEST),
    ("IMAGECACHE", Contract::OLDEST),
    ("ETCD", Contract::V1_14),
    ("CRI", Contract::V1_14),
    ("KUBELET", Contract::V1_14),
    ("LOG", Contract::V1_14),
];

/// Checks a document.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    let name = document["name"].as_str().unwrap_or_default();
    if kind == "VolumeConfig" {
        system(name, document, judge);
    } else {
        names(name, kind != "ExistingVolumeConfig", judge);
    }
    match kind {
        "ExternalVolumeConfig" => {
            judge.expect(
                !document["mount"]["virtiofs"].is_null(),
                "mount.virtiofs",
                "must be there",
            );
            return;
        }
        "UserVolumeConfig" => user(document, judge),
        "RawVolumeConfig" | "SwapVolumeConfig" => {
            place(document, judge);
            sized(document, judge);
        }
        _ => {}
    }
    encryption(&document["encryption"], "encryption", judge);
}

fn system(name: &str, document: &Value, judge: &mut Judge) {
    let contract = judge.machine.contract;
    let known = |(known, since): &(&str, Contract)| *known == name && *since <= contract;
    judge.expect(
        SYSTEM.iter().any(known),
        "name",
        "is that of no system volume",
    );
    let locked = each(document, "encryption.keys.lockToState");
    if name == "STATE" {
        judge.expect(
            !is_provisioned(document),
            "provisioning",
            "cannot be said of `STATE`",
        );
        judge.expect(
            locked.into_iter().all(|locked| locked != true),
            "encryption.keys",
            "of `STATE` cannot be locked to it",
        );
    }
    sizes(document, judge);
}

fn user(document: &Value, judge: &mut Judge) {
    match document["volumeType"].as_str() {
        Some("directory") => {
            judge.expect(
                !is_provisioned(document),
                "provisioning",
                "cannot be said of a directory",
            );
            for key in ["encryption", "filesystem", "mount"] {
                let said = document[key].as_object().is_some_and(|entries| {
                    let empty = |value: &Value| value.is_null() || value == "" || value == "none";
                    // A cipher and its size say nothing without a provider.
                    let tells =
                        |name: &str| key != "encryption" || matches!(name, "provider" | "keys");
                    entries.iter().any(|(name, value)| {
                        tells(name) && !empty(value) && value != &Value::Array(vec![])
                    })
                });
                judge.expect(!said, key, "cannot be said of a directory");
            }
        }
        Some("disk") => {
            place(document, judge);
            let provisioning = &document["provisioning"];
            let sized = ["minSize", "maxSize"]
                .iter()
                .any(|key| !is_zero(&provisioning[*key]));
            judge.expect(
                !sized && provisioning["grow"].is_null(),
                "provisioning",
                "of a whole disk has no size",
            );
            filesystem(document, judge);
        }
        _ => {
            place(document, judge);
            sized(document, judge);
            filesystem(document, judge);
        }
    }
}

fn filesystem(document: &Value, judge: &mut Judge) {
    let filesystem = &document["filesystem"];
    let quotas = filesystem["projectQuotaSupport"] == true && filesystem["type"] == "ext4";
    judge.expect(
        !quotas,
        "filesystem.projectQuotaSupport",
        "is for `xfs` only",
    );
}

fn names(name: &str, is_label: bool, judge: &mut Judge) {
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    judge.expect(
        plain && (!is_label || (1..=34).contains(&name.len())),
        "name",
        "has up to 34 letters, digits and hyphens",
    );
}

/// Tells whether anything is said about where and how large a volume is.
fn is_provisioned(document: &Value) -> bool {
    let provisioning = &document["provisioning"];
    !provisioning["grow"].is_null()
        || !is_nothing(provisioning.pointer("/diskSelector/match"))
        || ["minSize", "maxSize"]
            .iter()
            .any(|key| !is_zero(&provisioning[*key]))
}

/// A size of nothing counts as none.
fn is_zero(size: &Value) -> bool {
    let digits = size.as_str().map(|text| text.trim_end_matches('%'));
    is_nothing(Some(size)) || digits.and_then(bytes) == Some(0.0)
}

fn place(document: &Value, judge: &mut Judge) {
    let matched = document.pointer("/provisioning/diskSelector/match");
    judge.expect(
        !is_nothing(matched),
        "provisioning.diskSelector",
        "must be there",
    );
}

/// A part of a disk needs a size.
fn sized(document: &Value, judge: &mut Judge) {
    let provisioning = &document["provisioning"];
    let said = ["minSize", "maxSize"]
        .iter()
        .any(|key| !is_zero(&provisioning[*key]));
    judge.expect(said, "provisioning", "needs `minSize` or `maxSize`");
    sizes(document, judge);
}

fn sizes(document: &Value, judge: &mut Judge) {
    let provisioning = &document["provisioning"];
    let text = |key: &str| match &provisioning[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let size = |key: &str| Some(text(key)).filter(|text| !text.starts_with('-'));
    let bytes = |key: &str| size(key).as_deref().and_then(bytes);
    if let (Some(least), Some(most)) = (bytes("minSize"), bytes("maxSize")) {
        judge.expect(
            least <= most || most == 0.0,
            "provisioning.minSize",
            "is more than `maxSize`",
        );
    }
    judge.expect(
        !text("minSize").starts_with('-'),
        "provisioning.minSize",
        "cannot be negative",
    );
}

/// Tells whether a document says how its volume is encrypted.
pub(super) fn is_encrypted(encryption: &Value) -> bool {
    is_provided(encryption) || !each(encryption, "keys").is_empty()
}

fn is_provided(encryption: &Value) -> bool {
    !matches!(encryption["provider"].as_str(), None | Some("" | "none"))
}

/// Checks how a volume is encrypted.
fn encryption(encryption: &Value, path: &str, judge: &mut Judge) {
    if is_encrypted(encryption) {
        judge.expect(
            is_provided(encryption),
            &format!("{path}.provider"),
            "must be there",
        );
        keyed(&each(encryption, "keys"), path, judge);
    }
}

/// Checks the keys of an encryption, wherever it is said.
pub(super) fn keyed(keys: &[&Value], path: &str, judge: &mut Judge) {
    judge.expect(!keys.is_empty(), &format!("{path}.keys"), "must be there");
    let path = format!("{path}.keys");
    let mut slots = BTreeSet::new();
    for key in keys {
        let slot = key["slot"].as_i64().unwrap_or_default();
        judge.expect(slots.insert(slot), &path, "has one slot twice");
        let known = ["static", "nodeID", "kms", "tpm"]
            .iter()
            .any(|way| key.get(way).is_some_and(|way| !way.is_null()));
        judge.expect(
            known,
            &path,
            "needs `static`, `nodeID`, `kms` or `tpm` in each",
        );
        let registers = each(key, "tpm.options.pcrs");
        let in_range = |value: &&Value| value.as_i64().is_none_or(|pcr| (0..=23).contains(&pcr));
        judge.expect(
            registers.iter().all(in_range),
            &path,
            "has registers of a TPM, which are from 0 to 23",
        );
    }
}
