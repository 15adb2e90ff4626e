//! The disk to install on, and volumes.

use serde_json::{Value, json};

use crate::render::reference::SecretRef;
use crate::render::talos::forms::document;
use crate::spec::cluster::{
    DiskKey, DiskSelector, DiskTraits, Node, SizeBound, Volume, VolumeDisk,
};

/// Returns the selector of the install section.
pub(super) fn install_selector(disk: &DiskSelector) -> Value {
    match disk {
        DiskSelector::Serial(serial) => json!({"serial": serial}),
        DiskSelector::Wwid(wwid) => json!({"wwid": wwid}),
        DiskSelector::Path(path) => json!({"name": path}),
        DiskSelector::Traits(traits) => {
            let mut selector = json!({});
            let size = traits.size.as_ref().map(ToString::to_string);
            for (key, value) in [
                ("model", &traits.model),
                ("size", &size),
                ("busPath", &traits.bus_path),
            ] {
                if let Some(value) = value {
                    selector[key] = json!(value);
                }
            }
            if let Some(kind) = traits.kind {
                selector["type"] = json!(kind.as_str());
            }
            selector
        }
    }
}

/// Returns the expression that is true of a disk, in the language of Talos' volumes.
pub(super) fn expression(disk: &DiskSelector) -> String {
    match disk {
        DiskSelector::Serial(serial) => format!("disk.serial == {}", json!(serial)),
        DiskSelector::Wwid(wwid) => format!("disk.wwid == {}", json!(wwid)),
        DiskSelector::Path(path) if path.starts_with("/dev/disk/") => {
            format!("{} in disk.symlinks", json!(path))
        }
        DiskSelector::Path(path) => format!("disk.dev_path == {}", json!(path)),
        DiskSelector::Traits(traits) => traits_expression(traits),
    }
}

fn traits_expression(traits: &DiskTraits) -> String {
    let mut terms = Vec::new();
    terms.extend(
        traits
            .model
            .as_ref()
            .map(|model| format!("glob({}, disk.model)", json!(model))),
    );
    terms.extend(traits.kind.map(|kind| kind.expression().to_owned()));
    terms.extend(traits.size.as_ref().map(SizeBound::expression));
    terms.extend(
        traits
            .bus_path
            .as_ref()
            .map(|path| format!("glob({}, disk.bus_path)", json!(path))),
    );
    terms.join(" && ")
}

/// Returns the documents of volumes.
pub(super) fn documents(node: &Node) -> Vec<Value> {
    let settings = &node.settings;
    let mut documents = Vec::new();
    let encryption = &settings.encryption;
    for (name, key, size) in [
        ("STATE", &encryption.state, None),
        (
            "EPHEMERAL",
            &encryption.ephemeral,
            settings.ephemeral_size.as_ref(),
        ),
    ] {
        let mut content = json!({"name": name});
        if let Some(size) = size {
            content["provisioning"] = json!({"maxSize": size});
        }
        if let Some(key) = key {
            content["encryption"] = luks(key);
        }
        if key.is_some() || size.is_some() {
            documents.push(document("VolumeConfig", content));
        }
    }
    let volumes = settings
        .volumes
        .iter()
        .map(|(name, volume)| user_volume(name, volume));
    documents.extend(volumes);
    documents
}

fn user_volume(name: &str, volume: &Volume) -> Value {
    let matched = match &volume.disk {
        VolumeDisk::System => "system_disk".to_owned(),
        VolumeDisk::Selected(disk) => expression(disk),
        VolumeDisk::Matched(expression) => expression.clone(),
    };
    let mut provisioning = json!({"diskSelector": {"match": matched}});
    for (key, size) in [("minSize", &volume.min_size), ("maxSize", &volume.max_size)] {
        if let Some(size) = size {
            provisioning[key] = json!(size);
        }
    }
    let mut content = json!({"name": name, "provisioning": provisioning});
    if let Some(filesystem) = &volume.filesystem {
        content["filesystem"] = json!({"type": filesystem});
    }
    if let Some(key) = &volume.encryption {
        content["encryption"] = luks(key);
    }
    document("UserVolumeConfig", content)
}

fn luks(key: &DiskKey) -> Value {
    let mut slot = json!({"slot": 0});
    match key {
        DiskKey::Tpm => slot["tpm"] = json!({}),
        DiskKey::NodeId => slot["nodeID"] = json!({}),
        DiskKey::Passphrase(place) => {
            let (file, path) = place.split_once('#').unwrap_or((place, ""));
            slot["static"] = json!({"passphrase": SecretRef::new(file, path).to_value()});
        }
    }
    json!({"provider": "luks2", "keys": [slot]})
}
