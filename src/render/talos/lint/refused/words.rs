//! Fields that take one of a few words, and those that must say something.
//!
//! An empty text is one of the words where Talos reads it like none.

use serde_json::Value;

use super::{Judge, each, is_nothing};

const BOND: &str = "BondConfig";
/// What a bond is told in words, in documents and in the older field, in the order of the kernel's documentation.
pub(super) const BOND_WORDS: &[(&str, &[&str])] = &[
    (
        BOND_MODE,
        &[
            "balance-rr",
            "active-backup",
            "balance-xor",
            "broadcast",
            "802.3ad",
            "balance-tlb",
            "balance-alb",
        ],
    ),
    (
        "xmitHashPolicy",
        &["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"],
    ),
    ("lacpRate", &["slow", "fast"]),
    (
        "arpValidate",
        &[
            "none",
            "active",
            "backup",
            "all",
            "filter",
            "filter-active",
            "filter-backup",
        ],
    ),
    ("arpAllTargets", &["any", "all"]),
    ("primaryReselect", &["always", "better", "failure"]),
    ("failOverMac", &["", "none", "active", "follow"]),
    ("adSelect", &["stable", "bandwidth", "count"]),
];
/// How the links of a bond share the work; the older field calls it `mode`.
pub(super) const BOND_MODE: &str = "bondMode";

/// Kind (the main document has none), path, words.
const WORDS: &[(&str, &str, &[&str])] = &[
    (
        "",
        "cluster.apiServer.authorizationConfig.type",
        &["Node", "RBAC", "Webhook"],
    ),
    (
        "",
        "machine.features.nodeAddressSortAlgorithm",
        &["", "v1", "v2"],
    ),
    ("", "machine.logging.destinations.format", &["json_lines"]),
    (
        "",
        "machine.type",
        &["controlplane", "init", "worker", "join", ""],
    ),
    ("HostnameConfig", "auto", &["stable", "off"]),
    ("VLANConfig", "vlanMode", &["802.1q", "802.1ad"]),
    (BOND, "adLACPActive", &["on", "off"]),
    ("DHCPv4Config", "clientIdentifier", &["none", "mac", "duid"]),
    ("DHCPv6Config", "clientIdentifier", &["none", "mac", "duid"]),
    (
        "NetworkDefaultActionConfig",
        "ingress",
        &["", "accept", "block"],
    ),
    (
        "NetworkRuleConfig",
        "portSelector.protocol",
        &["tcp", "udp", "icmp", "icmpv6"],
    ),
    ("VolumeConfig", PROVIDER, PROVIDERS),
    ("UserVolumeConfig", PROVIDER, PROVIDERS),
    ("RawVolumeConfig", PROVIDER, PROVIDERS),
    ("SwapVolumeConfig", PROVIDER, PROVIDERS),
    (
        "UserVolumeConfig",
        "filesystem.type",
        &["", "none", "ext4", "xfs"],
    ),
    (
        "EthernetConfig",
        "wakeOnLan",
        &[
            "phy",
            "unicast",
            "multicast",
            "broadcast",
            "magic",
            "magicsecure",
            "filter",
        ],
    ),
    (
        "RoutingRuleConfig",
        "action",
        &[
            "",
            "unspec",
            "unicast",
            "blackhole",
            "unreachable",
            "prohibit",
        ],
    ),
    (
        "UserVolumeConfig",
        "volumeType",
        &["partition", "disk", "directory"],
    ),
    ("ExternalVolumeConfig", "filesystemType", &["virtiofs"]),
    (
        "KubeProxyConfig",
        "mode",
        &["", "iptables", "ipvs", "nftables"],
    ),
];

const PROVIDER: &str = "encryption.provider";
const PROVIDERS: &[&str] = &["", "none", "luks2"];

/// Kind, path of what holds it (each, where that is a list), key.
const REQUIRED: &[(&str, &str, &str)] = &[
    ("LinkConfig", "addresses", "address"),
    ("LinkAliasConfig", "selector", "match"),
    ("VLANConfig", "addresses", "address"),
    ("VLANConfig", "", "parent"),
    (BOND, "addresses", "address"),
    (BOND, "", "links"),
    (BOND, "", "bondMode"),
    ("BridgeConfig", "addresses", "address"),
    ("DummyLinkConfig", "addresses", "address"),
    ("VRFConfig", "addresses", "address"),
    ("WireguardConfig", "addresses", "address"),
    ("WireguardConfig", "", "privateKey"),
    ("WireguardConfig", "peers", "publicKey"),
    ("Layer2VIPConfig", "", "link"),
    ("HCloudVIPConfig", "", "link"),
    ("HCloudVIPConfig", "", "apiToken"),
    ("StaticHostConfig", "", "hostnames"),
    ("NetworkRuleConfig", "portSelector", "ports"),
    ("NetworkRuleConfig", "ingress", "subnet"),
    ("TCPProbeConfig", "", "endpoint"),
    ("HTTPProbeConfig", "", "url"),
    ("ExistingVolumeConfig", "discovery.volumeSelector", "match"),
    ("RegistryMirrorConfig", "endpoints", "url"),
    ("ExtensionServiceConfig", "configFiles", "mountPath"),
    ("ExtensionServiceConfig", "configFiles", "content"),
    ("WatchdogTimerConfig", "", "device"),
    ("EventSinkConfig", "", "endpoint"),
    ("KmsgLogConfig", "", "url"),
    ("SideroLinkConfig", "", "apiUrl"),
    ("ImageVerificationConfig", "rules", "image"),
    ("ImageVerificationConfig", "rules.keyless", "issuer"),
    ("ImageVerificationConfig", "rules.publicKey", "certificate"),
    ("ExternalVolumeConfig", "", "filesystemType"),
    ("ExternalVolumeConfig", "mount.virtiofs", "tag"),
    ("", "machine.logging.destinations", "endpoint"),
    ("", "machine.logging.destinations", "format"),
    ("", "cluster.apiServer.authorizationConfig", "type"),
    ("", "cluster.apiServer.authorizationConfig", "name"),
    ("KubeClusterConfig", "", "clusterName"),
    ("KubeClusterConfig", "", "endpoint"),
    ("KubeNetworkConfig", "", "podSubnets"),
    ("KubeNetworkConfig", "", "serviceSubnets"),
    ("KubeletConfig", "", "image"),
    ("KubeAPIServerConfig", "", "image"),
    ("KubeControllerManagerConfig", "", "image"),
    ("KubeSchedulerConfig", "", "image"),
    ("KubeProxyConfig", "", "image"),
    ("KubeFlannelCNIConfig", "", "backendType"),
    ("KubePrismConfig", "", "port"),
    ("KubeExternalManifestConfig", "", "url"),
    ("DiscoveryServiceConfig", "", "endpoint"),
    (
        "UnattendedInstallConfig",
        "provisioning.diskSelector",
        "match",
    ),
];

/// Kinds that are known by a name, which must not be empty.
const NAMED: &[&str] = &[
    "BlackholeRouteConfig",
    "RoutingRuleConfig",
    "StaticHostConfig",
    "Layer2VIPConfig",
    "HCloudVIPConfig",
    "LinkConfig",
    "LinkAliasConfig",
    "DHCPv4Config",
    "DHCPv6Config",
    "VLANConfig",
    BOND,
    "BridgeConfig",
    "DummyLinkConfig",
    "WireguardConfig",
    "VRFConfig",
    "EthernetConfig",
    "NetworkRuleConfig",
    "TCPProbeConfig",
    "UserVolumeConfig",
    "RawVolumeConfig",
    "SwapVolumeConfig",
    "ExistingVolumeConfig",
    "ExternalVolumeConfig",
    "RegistryMirrorConfig",
    "RegistryAuthConfig",
    "RegistryTLSConfig",
    "ExtensionServiceConfig",
    "KmsgLogConfig",
    "EtcFileConfig",
    "KernelModuleConfig",
    "KubeAdmissionControlConfig",
    "KubeAuthorizerConfig",
    "KubeExternalManifestConfig",
    "KubeInlineManifestConfig",
];

/// Checks the words of a document, and of a patch, which Talos reads like one.
pub(super) fn read(document: &Value, judge: &mut Judge) {
    let kind = document["kind"].as_str().unwrap_or_default();
    let own = WORDS.iter().filter(|(of, ..)| *of == kind);
    let own = own.map(|(_, path, words)| (path, words));
    let of_bonds = BOND_WORDS.iter().filter(|_| kind == BOND);
    for (path, words) in own.chain(of_bonds.map(|(path, words)| (path, words))) {
        let named = words.iter().filter(|word| !word.is_empty());
        let listed: Vec<_> = named.map(|word| format!("`{word}`")).collect();
        let what = format!("takes {}", listed.join(", "));
        judge.texts(document, path, |text| words.contains(&text), &what);
    }
}

/// Checks a document.
pub(super) fn check(document: &Value, judge: &mut Judge) {
    read(document, judge);
    let kind = document["kind"].as_str().unwrap_or_default();
    for (_, holder, key) in REQUIRED.iter().filter(|(of, ..)| *of == kind) {
        let path = match *holder {
            "" => (*key).to_owned(),
            holder => format!("{holder}.{key}"),
        };
        let holders = each(document, holder);
        let lacking = holders.iter().any(|holder| is_nothing(holder.get(*key)));
        // What is one of a kind must be there; entries of a list only when there are any.
        let wanted = matches!(
            *holder,
            "selector" | "portSelector" | "discovery.volumeSelector" | "provisioning.diskSelector"
        );
        if lacking || wanted && holders.is_empty() {
            judge.refuse(&path, "must be there");
        }
    }
    if NAMED.contains(&kind) {
        judge.expect(!is_nothing(document.get("name")), "name", "must be there");
    }
}
