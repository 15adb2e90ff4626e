//! The main document, as far as it is about the machine.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{at, of_kind};
use super::forms::bytes;
use super::{Judge, Mode, cluster, each, interfaces, is_nothing, kubelet, volume};
use crate::render::talos::{Contract, url};
use crate::spec::cluster::Role;

/// Checks the document.
pub(super) fn check(main: &Value, documents: &[Value], judge: &mut Judge) {
    judge.expect(main["persist"] != false, "persist", "must be true");
    judge.expect(at(main, "machine").is_some(), "machine", "must be there");
    install(main, documents, judge);
    authorities(main, judge);
    cluster::check(main, judge);
    features(main, judge);
    kubelet::settings(
        &main["machine"]["kubelet"]["extraConfig"],
        "machine.kubelet.extraConfig",
        judge,
    );
    judge.texts(
        main,
        "machine.kubelet.nodeIP.validSubnets",
        kubelet::is_subnet,
        "is no network",
    );
    let words = [
        "machine.nodeLabels",
        "machine.nodeAnnotations",
        "machine.nodeTaints",
    ];
    kubelet::words(main, words, judge);
    encryption(main, documents, judge);
    for part in ["machine.registries.mirrors", "machine.registries.config"] {
        let entries = at(main, part).and_then(Value::as_object);
        for (host, value) in entries.into_iter().flatten() {
            judge.expect(!value.is_null(), part, &format!("has nothing for `{host}`"));
        }
    }
    files(main, judge);
    interfaces::check(main, judge);
}

fn install(main: &Value, documents: &[Value], judge: &mut Judge) {
    let install = at(main, "machine.install");
    let Some(install) = install else {
        let unattended = of_kind(documents, Some("UnattendedInstallConfig")).is_some();
        judge.expect(
            unattended || judge.machine.mode == Mode::Cloud,
            "machine.install",
            "must be there on machines with a disk",
        );
        return;
    };
    if judge.machine.mode == Mode::Metal {
        disk(install, judge);
        let both =
            install["grubUseUKICmdline"] == true && !is_nothing(install.get("extraKernelArgs"));
        judge.expect(
            !both,
            "machine.install.extraKernelArgs",
            "cannot be said beside `grubUseUKICmdline`: arguments belong to the image, `image.kernelArgs` of the spec",
        );
    }
    let mut images = BTreeSet::new();
    for image in each(install, "extensions.image")
        .into_iter()
        .filter_map(Value::as_str)
    {
        judge.expect(
            images.insert(image),
            "machine.install.extensions",
            "has one image twice",
        );
    }
}

/// The disk to install on, by its path or by its traits.
fn disk(install: &Value, judge: &mut Judge) {
    const PATH: &str = "machine.install.diskSelector";
    let selector = &install["diskSelector"];
    judge.expect(
        !is_nothing(install.get("disk")) || !selector.is_null(),
        "machine.install",
        "needs `disk` or `diskSelector`",
    );
    judge.expect(
        is_nothing(selector.get("name")),
        PATH,
        "has a `name`, by which Talos finds no disk any more",
    );
    let types = ["", "ssd", "hdd", "nvme", "sd"];
    judge.expect(
        selector["type"]
            .as_str()
            .is_none_or(|word| types.contains(&word)),
        PATH,
        "has a `type` other than `ssd`, `hdd`, `nvme`, `sd`",
    );
    let size = |text: &str| {
        let text = text.trim_start_matches(['<', '>', '=']).trim();
        !text.starts_with('-') && bytes(text).is_some()
    };
    judge.expect(
        selector["size"].as_str().is_none_or(size),
        PATH,
        "has a `size` that is none, such as `>= 400GB`",
    );
}

/// Control planes have the authority of Talos' API with its key; workers trust one.
fn authorities(main: &Value, judge: &mut Judge) {
    if judge.machine.contract >= Contract::V1_14Alpha {
        return;
    }
    let part = |path: &str| !is_nothing(at(main, path));
    let accepted = part("machine.acceptedCAs");
    if judge.machine.role == Role::ControlPlane {
        judge.expect(part("machine.ca.key"), "machine.ca", "needs its key");
    } else {
        judge.expect(
            accepted || part("machine.ca.crt"),
            "machine.ca",
            "or `acceptedCAs` must be there",
        );
        for path in ["machine.ca", "cluster.ca"] {
            judge.expect(
                !part(&format!("{path}.key")),
                path,
                "has a key, which is for control planes only",
            );
        }
    }
}

fn features(main: &Value, judge: &mut Judge) {
    let on = |path: &str| at(main, path) == Some(&Value::Bool(true));
    let forwards = on("machine.features.hostDNS.forwardKubeDNSToHost");
    judge.expect(
        !forwards || on("machine.features.hostDNS.enabled"),
        "machine.features.hostDNS.enabled",
        "must be true for `forwardKubeDNSToHost`",
    );
    if on("machine.features.kubernetesTalosAPIAccess.enabled") {
        let path = "machine.features.kubernetesTalosAPIAccess";
        judge.expect(
            judge.machine.role == Role::ControlPlane,
            path,
            "is for control planes only",
        );
        let roles = [
            "os:admin",
            "os:operator",
            "os:reader",
            "os:etcd:backup",
            "os:image:verifier",
            "os:meta:writer",
            "os:impersonator",
        ];
        judge.texts(
            main,
            &format!("{path}.allowedRoles"),
            |text| roles.contains(&text),
            "is no role of Talos",
        );
    }
    let known = |text: &str| {
        url::read(text)
            .is_some_and(|url| ["tcp", "udp"].contains(&url.scheme) && !url.host.is_empty())
    };
    judge.texts(
        main,
        "machine.logging.destinations.endpoint",
        |text| text.is_empty() || known(text),
        "is `tcp://HOST:PORT` or `udp://HOST:PORT`",
    );
}

fn encryption(main: &Value, documents: &[Value], judge: &mut Judge) {
    for volume in ["state", "ephemeral"] {
        let path = format!("machine.systemDiskEncryption.{volume}");
        let Some(old) = at(main, &path) else { continue };
        volume::keyed(&each(old, "keys"), &path, judge);
        let twice = documents.iter().any(|document| {
            document["kind"] == "VolumeConfig"
                && document["name"] == volume.to_uppercase()
                && volume::is_encrypted(&document["encryption"])
        });
        judge.expect(
            !twice,
            &path,
            "cannot be said beside `encryption` of a `VolumeConfig`",
        );
    }
}

fn files(main: &Value, judge: &mut Judge) {
    judge.expect(
        !each(main, "machine.files.permissions")
            .iter()
            .any(|permissions| permissions.is_string()),
        "machine.files.permissions",
        "is a number such as `0o644`, without quotes",
    );
    for disk in each(main, "machine.disks") {
        let partitions = each(disk, "partitions");
        let whole = |partition: &&Value| {
            let size = partition.get("size");
            is_nothing(size) || size.and_then(Value::as_str).and_then(bytes) == Some(0.0)
        };
        let last = partitions.len().saturating_sub(1);
        let early = partitions.iter().take(last).any(whole);
        judge.expect(
            !early,
            "machine.disks.partitions",
            "without `size` is the last one",
        );
    }
    let size = |text: &str| !text.starts_with('-') && bytes(text).is_some();
    judge.texts(
        main,
        "machine.disks.partitions.size",
        size,
        "is no size such as `10GiB`",
    );
}
