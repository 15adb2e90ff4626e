//! The keys and kinds of documents that Talos 1.13 knows.

use serde_json::{Map, Value};

use crate::yaml;

/// Every kind of document beside the v1alpha1 one.
pub(super) const DOCUMENT_KINDS: [&str; 44] = [
    "BlackholeRouteConfig",
    "BondConfig",
    "BridgeConfig",
    "DHCPv4Config",
    "DHCPv6Config",
    "DummyLinkConfig",
    "EnvironmentConfig",
    "EthernetConfig",
    "EventSinkConfig",
    "ExistingVolumeConfig",
    "ExtensionServiceConfig",
    "ExternalVolumeConfig",
    "HCloudVIPConfig",
    "HostnameConfig",
    "ImageVerificationConfig",
    "KmsgLogConfig",
    "KubeSpanConfig",
    "KubeSpanEndpointsConfig",
    "Layer2VIPConfig",
    "LinkAliasConfig",
    "LinkConfig",
    "NetworkDefaultActionConfig",
    "NetworkRuleConfig",
    "OOMConfig",
    "PCIDriverRebindConfig",
    "RawVolumeConfig",
    "RegistryAuthConfig",
    "RegistryMirrorConfig",
    "RegistryTLSConfig",
    "ResolverConfig",
    "RoutingRuleConfig",
    "SideroLinkConfig",
    "StaticHostConfig",
    "SwapVolumeConfig",
    "TCPProbeConfig",
    "TimeSyncConfig",
    "TrustedRootsConfig",
    "UserVolumeConfig",
    "VLANConfig",
    "VRFConfig",
    "VolumeConfig",
    "WatchdogTimerConfig",
    "WireguardConfig",
    "ZswapConfig",
];

const TOP: [&str; 5] = ["version", "debug", "persist", "machine", "cluster"];

const MACHINE: [&str; 27] = [
    "type",
    "token",
    "ca",
    "acceptedCAs",
    "certSANs",
    "controlPlane",
    "kubelet",
    "pods",
    "network",
    "disks",
    "install",
    "files",
    "env",
    "time",
    "sysctls",
    "sysfs",
    "registries",
    "systemDiskEncryption",
    "features",
    "udev",
    "logging",
    "kernel",
    "seccompProfiles",
    "baseRuntimeSpecOverrides",
    "nodeLabels",
    "nodeAnnotations",
    "nodeTaints",
];

const CLUSTER: [&str; 26] = [
    "id",
    "secret",
    "controlPlane",
    "clusterName",
    "network",
    "token",
    "aescbcEncryptionSecret",
    "secretboxEncryptionSecret",
    "ca",
    "acceptedCAs",
    "aggregatorCA",
    "serviceAccount",
    "apiServer",
    "controllerManager",
    "scheduler",
    "proxy",
    "discovery",
    "etcd",
    "coreDNS",
    "externalCloudProvider",
    "extraManifests",
    "extraManifestHeaders",
    "inlineManifests",
    "adminKubeconfig",
    "allowSchedulingOnControlPlanes",
    "allowSchedulingOnMasters",
];

/// Returns the part of the v1alpha1 document that Talos does not know, as YAML.
pub(super) fn unknown_keys(document: &Value) -> Option<String> {
    let mut unknown = strangers(document, &TOP);
    for (section, known) in [("machine", &MACHINE[..]), ("cluster", &CLUSTER[..])] {
        let found = document
            .get(section)
            .map(|section| strangers(section, known))
            .unwrap_or_default();
        if !found.is_empty() {
            unknown.insert(section.to_owned(), Value::Object(found));
        }
    }
    (!unknown.is_empty()).then(|| as_talos_writes(&yaml::emit(&Value::Object(unknown))))
}

/// Talos indents by four spaces.
fn as_talos_writes(yaml: &str) -> String {
    let mut text = String::new();
    for line in yaml.lines() {
        let indentation = &line[..line.len() - line.trim_start().len()];
        text.extend([indentation, line, "\n"]);
    }
    text
}

fn strangers(section: &Value, known: &[&str]) -> Map<String, Value> {
    section
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
