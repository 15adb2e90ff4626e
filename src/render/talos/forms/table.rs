//! The table: since when a kind of document, or a part of it, exists, and where its content was before.
//!
//! Source: the documentation and the schemas that Talos publishes with each release.

use serde_json::Value;

use super::{kubernetes, network, runtime, volumes};
use crate::render::talos::Contract::{self, V1_10, V1_11, V1_12, V1_13, V1_14, V1_14Alpha};

/// One row: a kind of document, or one key of it.
pub struct Form {
    /// The kind.
    pub kind: &'static str,
    /// The key, when only that is younger than the kind.
    pub part: Option<&'static str>,
    /// The first contract that has it.
    pub since: Contract,
    pub(super) before: Before,
}

/// Where the content was before there was a document.
pub(super) enum Before {
    /// Nowhere: releases before cannot do it, or always do.
    Nothing,
    /// Fields of the document, and the fields of the `v1alpha1` document that held them.
    At(&'static [(&'static str, &'static str)]),
    /// Written in another shape.
    By(fn(&Value, &mut Value)),
}

use Before::{At, By, Nothing};

/// Returns the table.
pub fn forms() -> &'static [Form] {
    TABLE
}

/// Returns the first contract that knows a kind of document; nothing if no contract here does.
pub fn since(kind: &str) -> Option<Contract> {
    let moved = TABLE
        .iter()
        .find(|form| form.kind == kind && form.part.is_none());
    let others = || {
        OTHERS
            .iter()
            .find(|(other, _)| *other == kind)
            .map(|(_, since)| *since)
    };
    moved.map(|form| form.since).or_else(others)
}

impl Form {
    /// Returns the fields of the `v1alpha1` document that held the content before, for people; nothing
    /// where there were none.
    pub fn places(&self) -> Vec<&'static str> {
        match self.before {
            Nothing => Vec::new(),
            At(places) => places.iter().map(|(_, to)| *to).collect(),
            By(_) => OTHER_SHAPES
                .iter()
                .filter(|(kind, part, _)| (*kind, *part) == (self.kind, self.part))
                .map(|(_, _, place)| *place)
                .collect(),
        }
    }
}

const fn kind(kind: &'static str, since: Contract, before: Before) -> Form {
    Form {
        kind,
        part: None,
        since,
        before,
    }
}

const fn part(kind: &'static str, part: &'static str, since: Contract, before: Before) -> Form {
    Form {
        kind,
        part: Some(part),
        since,
        before,
    }
}

/// Parts stand before the kind that they belong to.
pub(super) static TABLE: &[Form] = &[
    // Network.
    kind("HostnameConfig", V1_12, By(network::hostname)),
    kind("LinkAliasConfig", V1_12, By(network::alias)),
    kind("LinkConfig", V1_12, By(network::link)),
    kind("BondConfig", V1_12, By(network::bond)),
    kind("BridgeConfig", V1_12, By(network::bridge)),
    kind("VLANConfig", V1_12, By(network::vlan)),
    kind("DHCPv4Config", V1_12, By(network::dhcp)),
    kind("DHCPv6Config", V1_12, By(network::dhcp)),
    kind("Layer2VIPConfig", V1_12, By(network::vip)),
    part(
        "ResolverConfig",
        "hostDNS",
        V1_14Alpha,
        At(&[("hostDNS", "machine.features.hostDNS")]),
    ),
    kind("ResolverConfig", V1_12, By(network::resolvers)),
    kind("StaticHostConfig", V1_12, By(network::static_host)),
    kind(
        "TimeSyncConfig",
        V1_12,
        At(&[
            ("ntp.servers", "machine.time.servers"),
            ("bootTimeout", "machine.time.bootTimeout"),
        ]),
    ),
    kind(
        "KubeSpanConfig",
        V1_13,
        At(&[
            ("enabled", "machine.network.kubespan.enabled"),
            (
                "advertiseKubernetesNetworks",
                "machine.network.kubespan.advertiseKubernetesNetworks",
            ),
            (
                "allowDownPeerBypass",
                "machine.network.kubespan.allowDownPeerBypass",
            ),
            (
                "harvestExtraEndpoints",
                "machine.network.kubespan.harvestExtraEndpoints",
            ),
            ("mtu", "machine.network.kubespan.mtu"),
            ("filters", "machine.network.kubespan.filters"),
        ]),
    ),
    // Discovery and installation.
    kind("DiscoveryServiceConfig", V1_14Alpha, By(runtime::discovery)),
    kind(
        "DiscoveryIdentityConfig",
        V1_14,
        At(&[
            ("clusterID", "cluster.id"),
            ("clusterSecret", "cluster.secret"),
        ]),
    ),
    kind("UnattendedInstallConfig", V1_14, By(runtime::install)),
    // Registries.
    kind("RegistryMirrorConfig", V1_12, By(runtime::registry_mirror)),
    kind("RegistryAuthConfig", V1_12, By(runtime::registry_auth)),
    kind("RegistryTLSConfig", V1_12, By(runtime::registry_tls)),
    // The system.
    kind(
        "EnvironmentConfig",
        V1_13,
        At(&[("variables", "machine.env")]),
    ),
    kind(
        "SysctlConfig",
        V1_14Alpha,
        At(&[("params", "machine.sysctls")]),
    ),
    kind("SysfsConfig", V1_14, At(&[("params", "machine.sysfs")])),
    kind("KernelModuleConfig", V1_14, By(runtime::kernel_module)),
    kind("EtcFileConfig", V1_14, By(runtime::etc_file)),
    kind(
        "CRICustomizationConfig",
        V1_14,
        By(runtime::cri_customization),
    ),
    kind(
        "UdevRulesConfig",
        V1_14,
        At(&[("rules", "machine.udev.rules")]),
    ),
    kind("SecurityProfileConfig", V1_14, Nothing),
    kind("FilesystemTrimConfig", V1_14Alpha, Nothing),
    part("VolumeConfig", "encryption", V1_11, By(volumes::encryption)),
    part("VolumeConfig", "mount", V1_13, Nothing),
    // Kubernetes.
    kind(
        "KubeClusterConfig",
        V1_14,
        At(&[
            ("endpoint", "cluster.controlPlane.endpoint"),
            ("clusterName", "cluster.clusterName"),
        ]),
    ),
    kind("KubeNodeConfig", V1_14, By(kubernetes::node)),
    kind("KubeletConfig", V1_14, By(kubernetes::kubelet)),
    kind(
        "KubeNetworkConfig",
        V1_14Alpha,
        At(&[
            ("dnsDomain", "cluster.network.dnsDomain"),
            ("podSubnets", "cluster.network.podSubnets"),
            ("serviceSubnets", "cluster.network.serviceSubnets"),
        ]),
    ),
    kind("KubeAPIServerCAConfig", V1_14, By(kubernetes::authority)),
    kind("KubePrismConfig", V1_14, By(kubernetes::kube_prism)),
    kind(
        "KubeAggregatorCAConfig",
        V1_14,
        By(kubernetes::aggregator_authority),
    ),
    kind(
        "KubeAdmissionControlConfig",
        V1_14Alpha,
        By(kubernetes::admission_control),
    ),
    kind(
        "KubeAuditPolicyConfig",
        V1_14Alpha,
        At(&[("configuration", "cluster.apiServer.auditPolicy")]),
    ),
    kind("KubeAuthenticationConfig", V1_14Alpha, Nothing),
    kind("KubeAuthorizerConfig", V1_14Alpha, Nothing),
    kind(
        "KubeEtcdEncryptionConfig",
        V1_14Alpha,
        By(kubernetes::etcd_encryption),
    ),
    kind(
        "KubeServiceAccountConfig",
        V1_14,
        By(kubernetes::service_account),
    ),
    kind(
        "KubeAPIServerConfig",
        V1_14Alpha,
        At(&[
            ("image", "cluster.apiServer.image"),
            ("certExtraSANs", "cluster.apiServer.certSANs"),
            ("extraArgs", "cluster.apiServer.extraArgs"),
            ("env", "cluster.apiServer.env"),
            ("resources", "cluster.apiServer.resources"),
            ("apiPort", "cluster.controlPlane.localAPIServerPort"),
        ]),
    ),
    kind(
        "KubeControllerManagerConfig",
        V1_14Alpha,
        At(&[
            ("image", "cluster.controllerManager.image"),
            ("extraArgs", "cluster.controllerManager.extraArgs"),
            ("env", "cluster.controllerManager.env"),
            ("resources", "cluster.controllerManager.resources"),
        ]),
    ),
    kind("KubeSchedulerConfig", V1_14Alpha, By(kubernetes::scheduler)),
    kind("KubeProxyConfig", V1_14Alpha, By(kubernetes::proxy)),
    kind("KubeFlannelCNIConfig", V1_14Alpha, By(kubernetes::flannel)),
    kind("KubeCoreDNSConfig", V1_14, By(kubernetes::core_dns)),
    kind(
        "KubeExternalManifestConfig",
        V1_14,
        By(kubernetes::external_manifest),
    ),
    kind(
        "KubeInlineManifestConfig",
        V1_14,
        By(kubernetes::inline_manifest),
    ),
];

/// What the rows with another shape wrote to.
const OTHER_SHAPES: &[(&str, Option<&str>, &str)] = &[
    ("HostnameConfig", None, "machine.network.hostname"),
    ("HostnameConfig", None, "machine.features.stableHostname"),
    ("LinkAliasConfig", None, "machine.network.interfaces"),
    ("LinkConfig", None, "machine.network.interfaces"),
    ("BondConfig", None, "machine.network.interfaces"),
    ("BridgeConfig", None, "machine.network.interfaces"),
    ("VLANConfig", None, "machine.network.interfaces"),
    ("DHCPv4Config", None, "machine.network.interfaces"),
    ("DHCPv6Config", None, "machine.network.interfaces"),
    ("Layer2VIPConfig", None, "machine.network.interfaces"),
    ("ResolverConfig", None, "machine.network.nameservers"),
    ("ResolverConfig", None, "machine.network.searchDomains"),
    ("StaticHostConfig", None, "machine.network.extraHostEntries"),
    ("DiscoveryServiceConfig", None, "cluster.discovery"),
    ("UnattendedInstallConfig", None, "machine.install"),
    ("RegistryMirrorConfig", None, "machine.registries.mirrors"),
    ("RegistryAuthConfig", None, "machine.registries.config"),
    ("RegistryTLSConfig", None, "machine.registries.config"),
    ("KernelModuleConfig", None, "machine.kernel.modules"),
    ("EtcFileConfig", None, "machine.files"),
    ("CRICustomizationConfig", None, "machine.files"),
    (
        "VolumeConfig",
        Some("encryption"),
        "machine.systemDiskEncryption",
    ),
    ("KubeNodeConfig", None, "machine.nodeLabels"),
    ("KubeNodeConfig", None, "machine.nodeAnnotations"),
    ("KubeNodeConfig", None, "machine.nodeTaints"),
    ("KubeNodeConfig", None, "machine.kubelet.nodeIP"),
    (
        "KubeNodeConfig",
        None,
        "cluster.allowSchedulingOnControlPlanes",
    ),
    ("KubeletConfig", None, "machine.kubelet.image"),
    ("KubeletConfig", None, "machine.kubelet.extraArgs"),
    ("KubeletConfig", None, "machine.kubelet.extraConfig"),
    ("KubeletConfig", None, "machine.kubelet.clusterDNS"),
    (
        "KubeletConfig",
        None,
        "machine.kubelet.defaultRuntimeSeccompProfileEnabled",
    ),
    ("KubeAPIServerCAConfig", None, "cluster.ca"),
    ("KubePrismConfig", None, "machine.features.kubePrism"),
    ("KubeAggregatorCAConfig", None, "cluster.aggregatorCA"),
    (
        "KubeAdmissionControlConfig",
        None,
        "cluster.apiServer.admissionControl",
    ),
    (
        "KubeEtcdEncryptionConfig",
        None,
        "cluster.secretboxEncryptionSecret",
    ),
    ("KubeServiceAccountConfig", None, "cluster.serviceAccount"),
    ("KubeSchedulerConfig", None, "cluster.scheduler"),
    ("KubeProxyConfig", None, "cluster.proxy"),
    ("KubeFlannelCNIConfig", None, "cluster.network.cni"),
    ("KubeCoreDNSConfig", None, "cluster.coreDNS"),
    ("KubeExternalManifestConfig", None, "cluster.extraManifests"),
    ("KubeInlineManifestConfig", None, "cluster.inlineManifests"),
];

/// Kinds that nothing is ever moved out of: those of 1.10 and before are never missing, and what the
/// others say had no place before.
const OTHERS: &[(&str, Contract)] = &[
    ("DummyLinkConfig", V1_12),
    ("WireguardConfig", V1_12),
    ("VRFConfig", V1_13),
    ("VethConfig", V1_14),
    ("EthernetConfig", V1_10),
    ("HCloudVIPConfig", V1_12),
    ("KubeSpanEndpointsConfig", V1_10),
    ("NetworkDefaultActionConfig", V1_10),
    ("NetworkRuleConfig", V1_10),
    ("BlackholeRouteConfig", V1_13),
    ("RoutingRuleConfig", V1_13),
    ("TCPProbeConfig", V1_13),
    ("HTTPProbeConfig", V1_14),
    ("BGPInstanceConfig", V1_14),
    ("VolumeConfig", V1_10),
    ("UserVolumeConfig", V1_10),
    ("RawVolumeConfig", V1_11),
    ("SwapVolumeConfig", V1_11),
    ("ZswapConfig", V1_11),
    ("ExistingVolumeConfig", V1_11),
    ("ExternalVolumeConfig", V1_13),
    ("FilesystemScrubConfig", V1_14),
    ("LVMVolumeGroupConfig", V1_14),
    ("LVMLogicalVolumeConfig", V1_14),
    ("RAIDArrayConfig", V1_14),
    ("KubeCredentialProviderConfig", V1_14),
    ("KubeStaticPodConfig", V1_14),
    ("KubeTalosAPIAccessConfig", V1_14),
    ("CRIBaseRuntimeSpecConfig", V1_14),
    ("ImageCacheConfig", V1_14),
    ("ImageVerificationConfig", V1_13),
    ("ExtensionServiceConfig", V1_10),
    ("OOMConfig", V1_12),
    ("WatchdogTimerConfig", V1_10),
    ("EventSinkConfig", V1_10),
    ("KmsgLogConfig", V1_10),
    ("TrustedRootsConfig", V1_10),
    ("SideroLinkConfig", V1_10),
    ("PCIDriverRebindConfig", V1_10),
    ("ContainerConfig", V1_14),
];
