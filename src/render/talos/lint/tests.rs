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
    for (version, patch, expected) in [
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
            "HL0608 this build does not know the document `HostNameConfig`",
        ),
        (
            (1, 13),
            json!({"cluster": {"clusterName": "other"}}),
            "HL0609 the patch makes `cluster.clusterName` of `talos-1` `other`, the spec says `homelab`",
        ),
    ] {
        let found = found(version, patch.clone());
        assert!(
            found.iter().any(|finding| finding == expected),
            "{patch}: {found:?}"
        );
    }
}
