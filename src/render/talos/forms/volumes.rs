//! Encryption of system volumes in the shape that the `v1alpha1` document had for it.

use serde_json::Value;

use super::lower::slot;

pub(super) fn encryption(document: &Value, main: &mut Value) {
    let Some(volume) = document["name"].as_str() else {
        return;
    };
    let volume = volume.to_lowercase();
    let place = ["machine", "systemDiskEncryption", &volume];
    *slot(main, place.into_iter()) = document["encryption"].clone();
}
