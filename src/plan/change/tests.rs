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
        "v1alpha1 machine.nameservers: [\"1.1.1.1\",\"9.9.9.9\"] -> [\"9.9.9.9\",\"1.1.1.1\"] (effect not known)",
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

/// What a machine holds where the spec names a secret is one, however its key is called.
#[test]
fn what_stands_beside_a_reference_is_hidden() {
    let reference = json!({"secretRef": format!("{BUNDLE_PATH}#trustdinfo.token")});
    let side = |login: &Value, names: Value| {
        [json!({"machine": {"sysctls": {"login": login, "b": "1"}, "certSANs": names}})]
    };
    let before = side(&json!("planted"), json!(["planted", "a"]));
    let after = side(&reference, json!(["a", reference]));
    let expected = [
        "v1alpha1 machine.sysctls.login: \"******\" -> \"******\" (live)",
        "v1alpha1 machine.certSANs: \"******\" -> [\"a\",\"******\"] (live)",
    ];
    assert_eq!(lines(&before, &after), expected);
    // The whole mapping takes the place of a text.
    let before = [json!({"machine": {"sysctls": {"a": {"login": "planted", "b": ["planted"]}}}})];
    let after = [json!({"machine": {"sysctls": {"a": ["x", {"login": reference}]}}})];
    let shown = lines(&before, &after).concat();
    assert!(!shown.contains("planted"), "{shown}");
}

fn effect(kind: &str, path: &str, talos: (u64, u64, u64)) -> String {
    let path: LeafPath = path.parse().expect("a path");
    Effect::of(kind, &path, &version(talos)).to_string()
}

/// What a node up to 1.13 takes without a reboot, and what not, from Talos' documentation of editing
/// machine configurations, in its order. From 1.14 on nothing reboots by itself, and etcd's settings, parameters
/// of kernel modules, keys of encrypted volumes and variables that are taken away wait for a reboot; what is about
/// installation never counts for a machine that is installed.
#[test]
fn agrees_with_what_talos_takes_without_a_reboot() {
    let rows: &[(&str, &str, &str)] = &[
        ("debug", "live", "live"),
        (
            "cluster.externalCloudProvider.enabled",
            CONTROL_PLANE,
            CONTROL_PLANE,
        ),
        ("cluster.adminKubeconfig.certLifetime", "live", "live"),
        (
            "cluster.etcd.extraArgs.a",
            "at the next reboot",
            "at the next reboot",
        ),
        ("machine.ca.crt", "live", "live"),
        ("machine.acceptedCAs[0].crt", "live", "live"),
        ("machine.time.servers", "live", "live"),
        ("machine.certSANs", "live", "live"),
        ("machine.install.disk", "only at install", "only at install"),
        ("machine.install.wipe", "only at install", "only at install"),
        ("machine.network.hostname", "live", "live"),
        ("machine.sysfs.a", "live", "live"),
        ("machine.sysctls.a", "live", "live"),
        ("machine.logging.destinations[0].format", "live", "live"),
        ("machine.controlPlane.scheduler.disabled", "live", "live"),
        (
            "machine.kubelet.image",
            "restarts kubelet",
            "restarts kubelet",
        ),
        ("machine.kernel.modules[name=a]", "live", "live"),
        (
            "machine.kernel.modules[name=a].parameters",
            "at the next reboot",
            "at the next reboot",
        ),
        ("machine.registries.mirrors.a.endpoints", "live", "live"),
        ("machine.registries.config.a.tls.ca", "live", "live"),
        (
            "machine.registries.config.a.auth.username",
            "at the next reboot",
            "at the next reboot",
        ),
        ("machine.pods", "live", "live"),
        ("machine.seccompProfiles", "live", "live"),
        ("machine.nodeAnnotations.a", "live", "live"),
        ("machine.nodeLabels.a", "live", "live"),
        ("machine.nodeTaints.a", "live", "live"),
        (
            "machine.features.kubernetesTalosAPIAccess.enabled",
            "live",
            "live",
        ),
        ("machine.features.kubePrism.port", "live", "live"),
        ("machine.features.hostDNS.enabled", "live", "live"),
        ("machine.features.imageCache.localEnabled", "live", "live"),
        ("machine.features.nodeAddressSortAlgorithm", "live", "live"),
        ("machine.type", "reboots", "live"),
        ("machine.token", "reboots", "live"),
        ("machine.files", "reboots", "live"),
        ("machine.env.a", "reboots", "live"),
        ("machine.disks", "reboots", "only when the volume is made"),
        ("machine.udev.rules", "reboots", "live"),
        (
            "machine.systemDiskEncryption.state.provider",
            "reboots",
            "only when the volume is made",
        ),
        (
            "machine.systemDiskEncryption.state.keys[slot=0].nodeID",
            "reboots",
            "at the next reboot",
        ),
        ("machine.features.rbac", "reboots", "live"),
        ("machine.features.diskQuotaSupport", "reboots", "live"),
        ("persist", "reboots", "live"),
    ];
    for (path, before, since) in rows {
        assert_eq!(
            effect("v1alpha1", path, (1, 10, 0)),
            *before,
            "{path} in 1.10"
        );
        assert_eq!(effect("v1alpha1", path, TALOS), *before, "{path} in 1.13");
        assert_eq!(
            effect("v1alpha1", path, (1, 14, 0)),
            *since,
            "{path} in 1.14"
        );
    }
}

const CONTROL_PLANE: &str = "restarts the control plane's programs and kubelet";

/// All other documents are taken without a reboot, in every release.
#[test]
fn no_document_but_the_main_one_reboots() {
    for (kind, path, expected) in [
        ("LinkConfig", "mtu", "live"),
        ("HostnameConfig", "hostname", "live"),
        ("KernelModuleConfig", "", "live"),
        ("KernelModuleConfig", "parameters", "at the next reboot"),
        (
            "VolumeConfig",
            "encryption.keys[slot=0].tpm",
            "at the next reboot",
        ),
        (
            "VolumeConfig",
            "provisioning.maxSize",
            "only when the volume is made",
        ),
        (
            "UnattendedInstallConfig",
            "installer.image",
            "only at install",
        ),
        ("EnvironmentConfig", "variables.a", "live"),
        ("TrustedRootsConfig", "certificates", "live"),
    ] {
        for talos in [TALOS, (1, 14, 0)] {
            assert_eq!(effect(kind, path, talos), expected, "{kind} {path}");
        }
    }
    let removal = |kind: &str, path: &str| {
        let path: LeafPath = path.parse().expect("a path");
        Effect::of_removal(kind, &path, &version((1, 14, 0))).to_string()
    };
    assert_eq!(
        removal("EnvironmentConfig", "variables.a"),
        "at the next reboot"
    );
    assert_eq!(removal("v1alpha1", "machine.env.a"), "at the next reboot");
    for kind in kinds_with_forms() {
        for talos in [TALOS, (1, 14, 0)] {
            let effect = Effect::of(kind, &LeafPath::default(), &version(talos));
            assert!(effect < Effect::Reboots, "{kind}: {effect}");
        }
    }
}

/// Every kind for which the table of forms has a row.
fn kinds_with_forms() -> impl Iterator<Item = &'static str> {
    crate::render::talos::forms().iter().map(|form| form.kind)
}

#[test]
fn what_is_not_known_is_said_to_be() {
    for (kind, path) in [
        ("FutureConfig", ""),
        ("FutureConfig", "a.b"),
        ("v1alpha1", "machine.future"),
        ("v1alpha1", "future"),
        ("LinkConfig", "future"),
    ] {
        for talos in [TALOS, (1, 14, 0)] {
            assert_eq!(
                effect(kind, path, talos),
                "effect not known",
                "{kind} {path}"
            );
        }
    }
}
