//! Documents of volumes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::is_expression;
use super::forms::bytes;
use super::{Judge, each, is_nothing};

/// Checks a document.
pub(super) fn check(kind: &str, document: &Value, judge: &mut Judge) {
    let name = document["name"].as_str().unwrap_or_default();
    let provisioning = &document["provisioning"];
    judge.texts(
        document,
        "provisioning.diskSelector.match",
        is_expression,
        "is no whole expression (CEL)",
    );
    sizes(provisioning, judge);
    encryption(&document["encryption"], "encryption", judge);
    match kind {
        "VolumeConfig" => {
            let known = [
                "STATE",
                "EPHEMERAL",
                "IMAGECACHE",
                "ETCD",
                "CRI",
                "KUBELET",
                "LOG",
            ];
            judge.expect(known.contains(&name), "name", "is that of no system volume");
            let fixed = name == "STATE" && !is_nothing(Some(provisioning));
            judge.expect(!fixed, "provisioning", "cannot be said of `STATE`");
        }
        "UserVolumeConfig" => {
            names(name, judge);
            match document["volumeType"].as_str() {
                Some("directory") => {
                    let bare = is_nothing(Some(provisioning));
                    judge.expect(bare, "provisioning", "cannot be said of a directory");
                }
                Some("disk") => selector(provisioning, judge),
                _ => {
                    selector(provisioning, judge);
                    size(provisioning, judge);
                }
            }
        }
        _ => {
            names(name, judge);
            selector(provisioning, judge);
            size(provisioning, judge);
        }
    }
}

fn names(name: &str, judge: &mut Judge) {
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    judge.expect(
        plain && name.len() <= 34,
        "name",
        "has up to 34 letters, digits and hyphens",
    );
}

fn selector(provisioning: &Value, judge: &mut Judge) {
    let matched = provisioning.pointer("/diskSelector/match");
    judge.expect(
        !is_nothing(matched),
        "provisioning.diskSelector",
        "must be there",
    );
}

fn size(provisioning: &Value, judge: &mut Judge) {
    let said = ["minSize", "maxSize"]
        .iter()
        .any(|key| !is_nothing(provisioning.get(key)));
    judge.expect(said, "provisioning", "needs `minSize` or `maxSize`");
}

fn sizes(provisioning: &Value, judge: &mut Judge) {
    let size = |key: &str| {
        bytes(
            provisioning[key]
                .as_str()
                .filter(|text| !text.starts_with('-'))?,
        )
    };
    if let (Some(least), Some(most)) = (size("minSize"), size("maxSize")) {
        judge.expect(
            least <= most,
            "provisioning.minSize",
            "is more than `maxSize`",
        );
    }
}

/// Checks how a volume is encrypted.
pub(super) fn encryption(encryption: &Value, path: &str, judge: &mut Judge) {
    if encryption.is_null() {
        return;
    }
    let keys = each(encryption, "keys");
    judge.expect(!keys.is_empty(), &format!("{path}.keys"), "must be there");
    let mut slots = BTreeSet::new();
    for key in keys {
        let slot = key["slot"].as_i64().unwrap_or_default();
        let path = format!("{path}.keys");
        judge.expect(slots.insert(slot), &path, "has one slot twice");
        let known = ["static", "nodeID", "kms", "tpm"]
            .iter()
            .any(|way| key.get(way).is_some_and(|way| !way.is_null()));
        judge.expect(
            known,
            &path,
            "needs `static`, `nodeID`, `kms` or `tpm` in each",
        );
    }
}
