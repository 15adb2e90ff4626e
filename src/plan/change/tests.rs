//! Whole lists of changes, and the table against what Talos documents.

use serde_json::{Value, json};

use super::*;
use crate::model::{LeafPath, Version};
use crate::pki::SecretsBundle;
use crate::render::talos::BUNDLE_PATH;

const TALOS: (u64, u64, u64) = (1, 13, 9);

fn version((major, minor, patch): (u64, u64, u64)) -> Version {
    Version::new(major, minor, patch)
}

/// Each change as one line.
fn lines(before: &[Value], after: &[Value]) -> Vec<String> {
    let bundle = SecretsBundle::throwaway();
    changes(before, after, &version(TALOS), &bundle)
        .into_iter()
        .map(|change| {
            let name = change
                .name
                .map(|name| format!("/{name}"))
                .unwrap_or_default();
            let value =
                |value: Option<Value>| value.map_or("-".to_owned(), |value| value.to_string());
            format!(
                "{}{name} {}: {} -> {} ({})",
                change.kind,
                change.path,
                value(change.before),
                value(change.after),
                change.effect
            )
        })
        .collect()
}

#[test]
fn leaves_documents_and_entries_of_lists() {
    let before = [
        json!({"version": "v1alpha1", "machine": {
            "type": "worker",
            "certSANs": ["a"],
            "sysctls": {"vm.max_map_count": "1"},
            "install": {"disk": "/dev/sda"},
            "kubelet": {"extraMounts": [{"destination": "/var/a", "source": "/var/a"}]},
            "files": [{"path": "/var/x", "content": "1"}],
        }}),
        json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "eth0", "mtu": 1500}),
        json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "eth1"}),
    ];
    let after = [
        json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "eth0", "mtu": 9000}),
        json!({"version": "v1alpha1", "machine": {
            "type": "worker",
            "certSANs": ["a", "b"],
            "sysctls": {"vm.max_map_count": "2"},
            "install": {"disk": "/dev/sdb"},
            "kubelet": {"extraMounts": [
                {"destination": "/var/b", "source": "/var/b"},
                {"destination": "/var/a", "source": "/var/c"},
            ]},
            "files": [{"path": "/var/x", "content": "2"}],
            "features": {"rbac": true},
        }}),
        json!({"apiVersion": "v1alpha1", "kind": "WatchdogTimerConfig", "device": "/dev/watchdog0"}),
    ];
    let expected = [
        "v1alpha1 machine.certSANs: [\"a\"] -> [\"a\",\"b\"] (live)",
        "v1alpha1 machine.sysctls.\"vm.max_map_count\": \"1\" -> \"2\" (live)",
        "v1alpha1 machine.install.disk: \"/dev/sda\" -> \"/dev/sdb\" (only at install)",
        "v1alpha1 machine.kubelet.extraMounts[destination=/var/a].source: \"/var/a\" -> \"/var/c\" (restarts kubelet)",
        "v1alpha1 machine.kubelet.extraMounts[destination=/var/b]: - -> {\"destination\":\"/var/b\",\"source\":\"/var/b\"} (restarts kubelet)",
        "v1alpha1 machine.files[path=/var/x].content: \"1\" -> \"2\" (reboots)",
        "v1alpha1 machine.features.rbac: - -> true (reboots)",
        "LinkConfig/eth0 mtu: 1500 -> 9000 (live)",
        "LinkConfig/eth1 : {\"apiVersion\":\"v1alpha1\",\"kind\":\"LinkConfig\",\"name\":\"eth1\"} -> - (live)",
        "WatchdogTimerConfig : - -> {\"apiVersion\":\"v1alpha1\",\"kind\":\"WatchdogTimerConfig\",\"device\":\"/dev/watchdog0\"} (live)",
    ];
    assert_eq!(lines(&before, &after), expected);
}

/// Talos leaves empty values out and writes texts for numbers; neither is a change.
#[test]
fn what_means_the_same_is_no_change() {
    let before = [json!({"machine": {
        "certSANs": [], "network": {}, "ca": {"crt": "a", "key": ""},
        "kubelet": {"extraArgs": {"v": 2}}, "disks": null,
    }})];
    let after = [json!({"machine": {"ca": {"crt": "a"}, "kubelet": {"extraArgs": {"v": "2"}}}})];
    assert_eq!(lines(&before, &after), [""; 0]);
}

#[test]
fn an_empty_label_and_the_order_of_a_list_mean_something() {
    let before =
        [json!({"machine": {"nodeLabels": {"a": ""}, "nameservers": ["1.1.1.1", "9.9.9.9"]}})];
    let after = [json!({"machine": {"nameservers": ["9.9.9.9", "1.1.1.1"]}})];
    let expected = [
        "v1alpha1 machine.nodeLabels.a: \"\" -> - (live)",
        "v1alpha1 machine.nameservers: [\"1.1.1.1\",\"9.9.9.9\"] -> [\"9.9.9.9\",\"1.1.1.1\"] (reboots)",
    ];
    assert_eq!(lines(&before, &after), expected);
}

#[test]
fn references_are_compared_by_their_values_and_never_shown() {
    let reference = |path: &str| json!({"secretRef": format!("{BUNDLE_PATH}#{path}")});
    let before = [
        json!({"machine": {"token": "63tx2e.ed8c3323ag662lhp", "ca": {"crt": "x"}}, "cluster": {"token": "planted-secret"}}),
    ];
    let after = [json!({
        "machine": {"token": reference("trustdinfo.token"), "ca": {"crt": reference("not.there")}},
        "cluster": {"token": reference("trustdinfo.token")},
    })];
    let expected = ["v1alpha1 cluster.token: \"******\" -> \"******\" (restarts kubelet)"];
    assert_eq!(lines(&before, &after), expected);
}

/// The list of what a node up to 1.13 takes without a reboot, from Talos' documentation of editing
/// machine configurations.
#[test]
fn agrees_with_what_talos_takes_without_a_reboot() {
    let effect = |path: &str, talos| {
        let path: LeafPath = path.parse().expect("a path");
        Effect::of("v1alpha1", &path, &version(talos))
    };
    for path in [
        "debug",
        "cluster.anything",
        "machine.ca.crt",
        "machine.acceptedCAs",
        "machine.time.servers",
        "machine.certSANs",
        "machine.install.disk",
        "machine.network.hostname",
        "machine.sysfs.a",
        "machine.sysctls.a",
        "machine.logging.destinations",
        "machine.controlPlane.scheduler.disabled",
        "machine.kubelet.image",
        "machine.kernel.modules",
        "machine.registries.mirrors.a",
        "machine.pods",
        "machine.seccompProfiles",
        "machine.nodeAnnotations.a",
        "machine.nodeLabels.a",
        "machine.nodeTaints.a",
        "machine.features.kubernetesTalosAPIAccess.enabled",
        "machine.features.kubePrism.port",
        "machine.features.hostDNS.enabled",
        "machine.features.imageCache.localEnabled",
        "machine.features.nodeAddressSortAlgorithm",
    ] {
        assert_ne!(effect(path, TALOS), Effect::Reboots, "{path}");
    }
    for path in [
        "machine.type",
        "machine.token",
        "machine.files",
        "machine.env.a",
        "machine.disks",
        "machine.udev.rules",
        "machine.systemDiskEncryption.state",
        "machine.features.rbac",
        "machine.features.diskQuotaSupport",
        "persist",
    ] {
        assert_eq!(effect(path, TALOS), Effect::Reboots, "{path}");
        assert_eq!(effect(path, (1, 14, 0)), Effect::Live, "{path}");
    }
    let at_next_reboot = |kind: &str, path: &str| {
        let path: LeafPath = path.parse().expect("a path");
        Effect::of_removal(kind, &path, &version((1, 14, 0)))
    };
    for (kind, path) in [
        ("v1alpha1", "cluster.etcd.extraArgs.a"),
        ("EnvironmentConfig", "variables.a"),
        ("KernelModuleConfig", "parameters"),
        ("VolumeConfig", "encryption.keys[slot=0].tpm"),
    ] {
        assert_eq!(
            at_next_reboot(kind, path),
            Effect::AtNextReboot,
            "{kind} {path}"
        );
    }
}
