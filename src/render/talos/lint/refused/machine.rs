//! The main document.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::super::{at, of_kind};
use super::words::BOND_MODES;
use super::{Judge, each, is_nothing, kubelet, volume};
use crate::spec::cluster::Role;

/// Checks the document.
pub(super) fn check(main: &Value, documents: &[Value], judge: &mut Judge) {
    judge.expect(main["persist"] != false, "persist", "must be true");
    judge.expect(at(main, "machine").is_some(), "machine", "must be there");
    install(main, documents, judge);
    cluster(main, judge);
    etcd(main, judge);
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
    for volume in ["state", "ephemeral"] {
        let path = format!("machine.systemDiskEncryption.{volume}");
        let old = at(main, &path);
        volume::encryption(old.unwrap_or(&Value::Null), &path, judge);
        let twice = documents.iter().any(|document| {
            document["kind"] == "VolumeConfig"
                && document["name"] == volume.to_uppercase()
                && document.get("encryption").is_some()
        });
        judge.expect(
            old.is_none() || !twice,
            &path,
            "cannot be said beside `encryption` of a `VolumeConfig`",
        );
    }
    for part in ["machine.registries.mirrors", "machine.registries.config"] {
        let entries = at(main, part).and_then(Value::as_object);
        for (host, value) in entries.into_iter().flatten() {
            judge.expect(!value.is_null(), part, &format!("has nothing for `{host}`"));
        }
    }
    files(main, judge);
    interfaces(main, judge);
    kube_span(main, judge);
}

fn install(main: &Value, documents: &[Value], judge: &mut Judge) {
    let install = at(main, "machine.install");
    if install.is_none() && of_kind(documents, Some("UnattendedInstallConfig")).is_none() {
        judge.refuse("machine.install", "must be there on machines with a disk");
    }
    let Some(install) = install else { return };
    let chosen = !is_nothing(install.get("disk")) || !is_nothing(install.get("diskSelector"));
    judge.expect(chosen, "machine.install", "needs `disk` or `diskSelector`");
    let both = install["grubUseUKICmdline"] == true && !is_nothing(install.get("extraKernelArgs"));
    judge.expect(
        !both,
        "machine.install.extraKernelArgs",
        "cannot be said beside `grubUseUKICmdline`: arguments belong to the image, `image.kernelArgs` of the spec",
    );
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

fn cluster(main: &Value, judge: &mut Judge) {
    let domain = |text: &str| {
        text.split('.').all(|part| {
            !part.is_empty()
                && part.len() <= 63
                && part
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        })
    };
    judge.texts(
        main,
        "cluster.network.dnsDomain",
        |text| text.is_empty() || domain(text),
        "is no domain",
    );
    if judge.role == Role::ControlPlane {
        cni(main, judge);
    }
    let mut names = BTreeSet::new();
    for manifest in each(main, "cluster.inlineManifests") {
        let name = manifest["name"].as_str().unwrap_or_default();
        judge.expect(
            !name.is_empty(),
            "cluster.inlineManifests",
            "needs a `name` in each",
        );
        judge.expect(
            names.insert(name),
            "cluster.inlineManifests",
            &format!("has the name `{name}` twice"),
        );
    }
    let manifests = each(main, "cluster.externalCloudProvider.manifests");
    let enabled = at(main, "cluster.externalCloudProvider.enabled") == Some(&Value::Bool(true));
    judge.expect(
        manifests.is_empty() || enabled,
        "cluster.externalCloudProvider.manifests",
        "are for an enabled provider",
    );
    judge.texts(
        main,
        "cluster.externalCloudProvider.manifests",
        is_url,
        "is no URL",
    );
    let discovery = at(main, "cluster.discovery.enabled") == Some(&Value::Bool(true));
    for key in ["cluster.id", "cluster.secret"] {
        judge.expect(
            !discovery || !is_nothing(at(main, key)),
            key,
            "must be there for discovery",
        );
    }
    let bare = |text: &str| {
        text.split_once("://")
            .is_some_and(|(_, rest)| rest.trim_end_matches('/').split_once('/').is_none())
    };
    judge.texts(
        main,
        "cluster.discovery.registries.service.endpoint",
        |text| text.is_empty() || bare(text),
        "is a URL without a path",
    );
}

fn cni(main: &Value, judge: &mut Judge) {
    let name = at(main, "cluster.network.cni.name").and_then(Value::as_str);
    let urls = each(main, "cluster.network.cni.urls");
    match name {
        None | Some("" | "flannel" | "none") => {
            judge.expect(
                urls.is_empty(),
                "cluster.network.cni.urls",
                "are for `custom` only",
            );
        }
        Some("custom") => judge.texts(main, "cluster.network.cni.urls", is_url, "is no URL"),
        Some(_) => judge.refuse(
            "cluster.network.cni.name",
            "takes `flannel`, `custom`, `none`",
        ),
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?'])
        .next()
        .is_some_and(|host| !host.is_empty() && !host.contains(' '))
}

fn etcd(main: &Value, judge: &mut Judge) {
    if judge.role == Role::Worker {
        judge.expect(
            is_nothing(at(main, "cluster.etcd")),
            "cluster.etcd",
            "is for control planes only",
        );
        return;
    }
    let is_old = !is_nothing(at(main, "cluster.etcd.subnet"));
    judge.expect(
        !is_old || is_nothing(at(main, "cluster.etcd.advertisedSubnets")),
        "cluster.etcd.subnet",
        "cannot be said beside `advertisedSubnets`, which took its place",
    );
    for path in [
        "cluster.etcd.advertisedSubnets",
        "cluster.etcd.listenSubnets",
    ] {
        judge.texts(main, path, kubelet::is_subnet, "is no network");
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
            judge.role == Role::ControlPlane,
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
    let known = |text: &str| text.starts_with("tcp://") || text.starts_with("udp://");
    judge.texts(
        main,
        "machine.logging.destinations.endpoint",
        known,
        "begins with `tcp://` or `udp://`",
    );
}

fn files(main: &Value, judge: &mut Judge) {
    let octal = |text: &str| text.chars().all(|digit| digit.is_digit(8));
    judge.texts(
        main,
        "machine.files.permissions",
        octal,
        "is a number such as `0o644`, without quotes",
    );
    for disk in each(main, "machine.disks") {
        let partitions = each(disk, "partitions");
        let whole = |partition: &&Value| is_nothing(partition.get("size"));
        let last = partitions.len().saturating_sub(1);
        let early = partitions.iter().take(last).any(whole);
        judge.expect(
            !early,
            "machine.disks.partitions",
            "without `size` is the last one",
        );
    }
    let size = |text: &str| super::forms::bytes(text).is_some();
    judge.texts(
        main,
        "machine.disks.partitions.size",
        size,
        "is no size such as `10GiB`",
    );
}

fn interfaces(main: &Value, judge: &mut Judge) {
    const PATH: &str = "machine.network.interfaces";
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for interface in each(main, PATH) {
        let name = interface["interface"].as_str().unwrap_or_default();
        let selected = interface
            .get("deviceSelector")
            .is_some_and(|selector| !selector.is_null());
        judge.expect(
            selected == name.is_empty(),
            PATH,
            "needs either `interface` or `deviceSelector` in each",
        );
        if selected {
            judge.expect(
                !is_nothing(interface.get("deviceSelector")),
                PATH,
                "has an empty `deviceSelector`",
            );
        }
        let (bond, bridge) = (interface.get("bond"), interface.get("bridge"));
        judge.expect(
            bond.is_none() || bridge.is_none(),
            PATH,
            "has a link that is bond and bridge",
        );
        let members = ["bond", "bridge"]
            .iter()
            .flat_map(|key| each(interface, &format!("{key}.interfaces")));
        for member in members.filter_map(Value::as_str) {
            let other = taken.insert(member, name);
            judge.expect(
                other.is_none_or(|other| other == name),
                PATH,
                &format!("has `{member}` in two links"),
            );
        }
        if let Some(bond) = bond {
            bonded(bond, judge);
        }
        link(interface, judge);
        for vlan in each(interface, "vlans") {
            link(vlan, judge);
        }
    }
}

fn bonded(bond: &Value, judge: &mut Judge) {
    const PATH: &str = "machine.network.interfaces.bond";
    let mode = bond["mode"].as_str().unwrap_or_default();
    judge.expect(BOND_MODES.contains(&mode), PATH, "has no known `mode`");
    let lacp = mode == "802.3ad" || is_nothing(bond.get("lacpRate"));
    judge.expect(lacp, PATH, "has `lacpRate`, which is for `802.3ad`");
}

fn link(link: &Value, judge: &mut Judge) {
    const PATH: &str = "machine.network.interfaces";
    let network = |text: &str| text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
    let mut refuse = |part: &str, key: &str, fits: &dyn Fn(&str) -> bool, what: &str| {
        for text in each(link, key).into_iter().filter_map(Value::as_str) {
            judge.expect(
                text.is_empty() || fits(text),
                &format!("{PATH}.{part}"),
                &format!("{what}, found `{text}`"),
            );
        }
    };
    let address = |text: &str| text.parse::<IpAddr>().is_ok();
    refuse("addresses", "addresses", &network, "is an address");
    refuse(
        "routes",
        "routes.network",
        &network,
        "has a `network` that is none",
    );
    refuse(
        "routes",
        "routes.gateway",
        &address,
        "has a `gateway` that is no address",
    );
    refuse("vip", "vip.ip", &address, "is an address");
    for route in each(link, "routes") {
        let said = !is_nothing(route.get("network")) || !is_nothing(route.get("gateway"));
        judge.expect(
            said,
            &format!("{PATH}.routes"),
            "needs `network` or `gateway`",
        );
    }
    let moves = !is_nothing(link.get("vip")) && judge.role == Role::Worker;
    judge.expect(!moves, &format!("{PATH}.vip"), "is for control planes only");
}

fn kube_span(main: &Value, judge: &mut Judge) {
    let Some(mesh) = at(main, "machine.network.kubespan").filter(|mesh| mesh["enabled"] == true)
    else {
        return;
    };
    let path = "machine.network.kubespan";
    judge.expect(
        mesh["mtu"].as_i64().is_none_or(|mtu| mtu >= 1280),
        path,
        "has an `mtu` below 1280",
    );
    for text in each(mesh, "filters.endpoints")
        .into_iter()
        .filter_map(Value::as_str)
    {
        judge.expect(
            kubelet::is_subnet(text),
            path,
            &format!("has the filter `{text}`, which is no network"),
        );
    }
}
