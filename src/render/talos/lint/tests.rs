use serde_json::json;

use super::super::tests::cluster;
use super::*;
use crate::model::Version;
use crate::spec::cluster::Patch;

/// The codes and messages for one patch of all nodes of a release.
fn found(version: (u64, u64), patch: Value) -> Vec<String> {
    let mut cluster = cluster();
    for node in &mut cluster.nodes {
        node.version = Version::new(version.0, version.1, 0);
    }
    cluster.patches.all = vec![Patch {
        content: patch,
        line: 1,
        ..Patch::default()
    }];
    let findings = lint(&cluster, &Catalog::default());
    findings
        .iter()
        .map(|finding| format!("{} {}", finding.code, finding.message))
        .collect()
}

fn document(kind: &str, rest: Value) -> Value {
    super::super::forms::document(kind, rest)
}

#[test]
fn what_is_right_is_not_remarked_on() {
    for patch in [
        json!({"machine": {"sysctls": {"a": "1"}, "install": {"wipe": true}}}),
        document("HostnameConfig", json!({"auto": "off"})),
        document("LinkConfig", json!({"name": "net0", "mtu": 9000})),
        document(
            "LinkConfig",
            json!({"name": "enp9s0", "addresses": [{"address": "10.0.0.1/24"}]}),
        ),
        document("WatchdogTimerConfig", json!({"device": "/dev/watchdog0"})),
    ] {
        assert_eq!(
            found((1, 13), patch.clone()),
            Vec::<String>::new(),
            "{patch}"
        );
    }
}

#[test]
fn traps_are_named() {
    named(vec![
        (
            (1, 13),
            json!({"machine": {"install": {"wipe": false}}}),
            "HL0601 `wipe: false` protects nothing",
        ),
        (
            (1, 13),
            document("LinkConfig", json!({"name": "enp9s0", "up": true})),
            "HL0602 the link `enp9s0` gets no address",
        ),
        (
            (1, 13),
            document("HostnameConfig", json!({"auto": "stable"})),
            "HL0603 `auto: stable` beside a host name",
        ),
        (
            (1, 13),
            json!({"machine": {"time": {"servers": ["a"]}}}),
            "HL0605 `machine.time.servers` beside `TimeSyncConfig`",
        ),
        (
            (1, 13),
            json!({"machine": {"time": {"disabled": true}}}),
            "HL0605 `machine.time.disabled` beside `TimeSyncConfig`",
        ),
        (
            (1, 14),
            json!({"cluster": {"network": {"cni": {"name": "none"}}}}),
            "HL0605 `cluster.network.cni` beside `KubeFlannelCNIConfig`",
        ),
        (
            (1, 13),
            json!({"machine": {"registries": {"mirrors": {}}}}),
            "HL0606 `machine.registries.mirrors` has given way to `RegistryMirrorConfig`",
        ),
        (
            (1, 14),
            json!({"machine": {"sysctls": {"a": "1"}}}),
            "HL0606 `machine.sysctls` has given way to `SysctlConfig`",
        ),
        (
            (1, 11),
            document("KubeSpanConfig", json!({"enabled": true})),
            "HL0607 Talos v1.11 does not know `KubeSpanConfig`",
        ),
        (
            (1, 13),
            document("HostNameConfig", json!({})),
            "HL0614 Talos v1.13 has no document `HostNameConfig`",
        ),
        (
            (1, 13),
            json!({"cluster": {"clusterName": "other"}}),
            "HL0609 the patch makes `cluster.clusterName` of `talos-1` `other`, the spec says `homelab`",
        ),
    ]);
}

#[test]
fn what_goes_wrong_is_named() {
    named(vec![
        (
            (1, 15),
            document("FromTheFuture", json!({})),
            "HL0608 this build does not know the document `FromTheFuture`",
        ),
        (
            (1, 15),
            json!({"machine": {"future": 1}}),
            "HL0618 `machine.future`: Talos has no field `future` here in the releases that this build knows",
        ),
        (
            (1, 13),
            json!([{"op": "add", "path": "/machine/sysctls", "value": {}}]),
            "HL0604 JSON patch operations need a configuration of one document, and this one has 6: write the patch \
             as the part of the document that it changes",
        ),
        (
            (1, 11),
            json!([{"op": "remove", "path": "/machine/nowhere"}]),
            "HL0612 operation `remove`: there is nothing at `/machine/nowhere`",
        ),
        (
            (1, 11),
            json!([{"op": "replace", "path": "/machine/token", "value": "x"}]),
            "HL0609 the patch makes `machine.token` of `talos-1` another than the secrets bundle's",
        ),
        (
            (1, 11),
            json!([{"op": "add", "path": "/machine/sysctl", "value": {}}]),
            "HL0614 `machine.sysctl`: Talos has no field `sysctl` here",
        ),
        (
            (1, 13),
            json!({"machine": {"sysctls": {"a": {"$patch": "delete"}}}}),
            "HL0612 nothing to delete at `machine.sysctls.a`",
        ),
        (
            (1, 13),
            json!({"machine": {"ca": {"$patch": "delete"}}}),
            "HL0613 the patch takes `machine.ca` away from `talos-1`",
        ),
        (
            (1, 13),
            document("ResolverConfig", json!({"hostDNS": {"enabled": true}})),
            "HL0614 `hostDNS`: Talos has the field `hostDNS` since v1.14 only",
        ),
        (
            (1, 13),
            document("LinkConfig", json!({"name": "net0", "$patch": "delete"})),
            "HL0609 the patch takes the address 192.168.1.11 away from `talos-1`",
        ),
        (
            (1, 13),
            document(
                "LinkConfig",
                json!({"name": "net0", "addresses": [{"address": "192.168.1.21/24"}]}),
            ),
            "HL0609 the patch gives `talos-1` the address 192.168.1.21 of `worker-1`",
        ),
        (
            (1, 11),
            json!({"machine": {"network": {"interfaces": [{"interface": "eth1", "vip": {"ip": "10.0.0.9"}}]}}}),
            "HL0609 the patch makes `talos-1` announce the virtual IP 10.0.0.9, the spec does not",
        ),
        (
            (1, 13),
            json!({"machine": {"install": {"image": "ghcr.io/siderolabs/installer:v1.13.9"}}}),
            "HL0620 `ghcr.io/siderolabs/installer:v1.13.9` has none of the extensions and kernel arguments of the spec",
        ),
    ]);
}

/// Looks for a finding about a patch on each release.
fn named(cases: Vec<((u64, u64), Value, &str)>) {
    for (version, patch, expected) in cases {
        let found = found(version, patch.clone());
        assert!(
            found.iter().any(|finding| finding == expected),
            "{patch}: {found:?}"
        );
    }
}

/// The place of a finding is the part of the patch that it is about.
#[test]
fn findings_point_into_the_patch() {
    let text = "machine:\n  sysctls: {a: \"1\"}\n  network:\n    hostname: other\n";
    let (trees, problems) = crate::yaml::parse_nodes(text, &crate::yaml::Limits::default());
    assert_eq!(problems, []);
    let mut cluster = cluster();
    for node in &mut cluster.nodes {
        node.version = Version::new(1, 11, 0);
    }
    cluster.nodes[0].patches = vec![Patch {
        content: trees[0].to_value(),
        file: Some("patches/a.yaml".into()),
        line: 1,
        tree: std::sync::Arc::new(trees[0].clone()),
        ..Patch::default()
    }];
    let found = lint(&cluster, &Catalog::default());
    let finding = found
        .iter()
        .find(|finding| finding.code == Code::ContradictsSpec)
        .expect("it is found");
    assert_eq!(finding.span().position(text), (4, 5));
    assert_eq!(
        finding.file().map(camino::Utf8Path::as_str),
        Some("patches/a.yaml")
    );
}

/// A patch that fits some of its nodes says which it does not fit.
#[test]
fn what_holds_on_some_nodes_names_them() {
    let mut cluster = cluster();
    cluster.patches.all = vec![Patch {
        content: json!({"cluster": {"etcd": {"extraArgs": {"quota-backend-bytes": "1"}}}}),
        line: 1,
        ..Patch::default()
    }];
    let found = lint(&cluster, &Catalog::default());
    let labels: Vec<_> = found
        .iter()
        .map(|finding| format!("{} {}", finding.code, finding.labels[0].text))
        .collect();
    assert_eq!(
        labels,
        ["HL0616 Talos v1.13 refuses the configuration (on `worker-1`)"]
    );
}
