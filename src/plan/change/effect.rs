//! What a change of a machine's configuration does to the machine: one table, by kind and path.
//!
//! Up to Talos 1.13 a node compares the `v1alpha1` document field by field and reboots for what is
//! not on its list; every other document applies at once. From 1.14 on no change reboots by itself,
//! and a few wait for the next reboot. Which Kubernetes program restarts follows from who reads the
//! setting. The longest path that fits decides; of what this build does not know it says so.

use std::fmt;

use serde::Serialize;

use crate::model::{LeafPath, Version};
use crate::render::talos::fields::has_place;
use crate::render::talos::{MAIN, since};

/// What a change does, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// It applies at once, and nothing restarts.
    Live,
    /// Objects in Kubernetes that are missing are made; those that exist stay as they are.
    CreatesObjects,
    /// A service restarts.
    Restarts {
        /// The service.
        service: &'static str,
    },
    /// It counts when a volume is made, not for one that exists.
    WhenMade,
    /// It counts when Talos is installed or upgraded, not before.
    AtInstall,
    /// It waits for the next reboot.
    AtNextReboot,
    /// The machine reboots.
    Reboots,
    /// Neither the kind nor the place is known to this build.
    Unknown,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::CreatesObjects => "creates missing objects only",
            Self::Restarts { service } => return write!(f, "restarts {service}"),
            Self::WhenMade => "only when the volume is made",
            Self::AtInstall => "only at install",
            Self::AtNextReboot => "at the next reboot",
            Self::Reboots => "reboots",
            Self::Unknown => "effect not known",
        })
    }
}

const KUBELET: Effect = Effect::Restarts { service: "kubelet" };
const API_SERVER: Effect = Effect::Restarts {
    service: "kube-apiserver",
};
const CONTROLLER_MANAGER: Effect = Effect::Restarts {
    service: "kube-controller-manager",
};
const SCHEDULER: Effect = Effect::Restarts {
    service: "kube-scheduler",
};
const CONTROL_PLANE: Effect = Effect::Restarts {
    service: "the control plane's programs and kubelet",
};

/// Kind, path and effect. Kinds that are not named apply live.
const TABLE: &[(&str, &str, Effect)] = &[
    (MAIN, "", Effect::Reboots),
    (MAIN, "debug", Effect::Live),
    // What Talos up to 1.13 takes without a reboot.
    (MAIN, "machine.ca", Effect::Live),
    (MAIN, "machine.acceptedCAs", Effect::Live),
    (MAIN, "machine.time", Effect::Live),
    (MAIN, "machine.certSANs", Effect::Live),
    (MAIN, "machine.install", Effect::AtInstall),
    (MAIN, "machine.network", Effect::Live),
    (MAIN, "machine.sysfs", Effect::Live),
    (MAIN, "machine.sysctls", Effect::Live),
    (MAIN, "machine.logging", Effect::Live),
    (MAIN, "machine.controlPlane", Effect::Live),
    (MAIN, "machine.kubelet", KUBELET),
    (MAIN, "machine.kernel", Effect::Live),
    (
        MAIN,
        "machine.kernel.modules.*.parameters",
        Effect::AtNextReboot,
    ),
    (MAIN, "machine.registries", Effect::Live),
    // containerd reads the logins of registries when it starts.
    (
        MAIN,
        "machine.registries.config.*.auth",
        Effect::AtNextReboot,
    ),
    (MAIN, "machine.pods", Effect::Live),
    (MAIN, "machine.seccompProfiles", Effect::Live),
    (MAIN, "machine.nodeAnnotations", Effect::Live),
    (MAIN, "machine.nodeLabels", Effect::Live),
    (MAIN, "machine.nodeTaints", Effect::Live),
    (
        MAIN,
        "machine.features.kubernetesTalosAPIAccess",
        Effect::Live,
    ),
    (MAIN, "machine.features.kubePrism", Effect::Live),
    (MAIN, "machine.features.hostDNS", Effect::Live),
    (MAIN, "machine.features.imageCache", Effect::Live),
    (
        MAIN,
        "machine.features.nodeAddressSortAlgorithm",
        Effect::Live,
    ),
    // All of `cluster` is taken without a reboot; who reads it restarts.
    (MAIN, "cluster", Effect::Live),
    (MAIN, "cluster.controlPlane", CONTROL_PLANE),
    (MAIN, "cluster.clusterName", CONTROL_PLANE),
    (MAIN, "cluster.network", CONTROL_PLANE),
    (MAIN, "cluster.network.cni", Effect::CreatesObjects),
    (MAIN, "cluster.token", KUBELET),
    (MAIN, "cluster.ca", CONTROL_PLANE),
    (MAIN, "cluster.acceptedCAs", CONTROL_PLANE),
    (MAIN, "cluster.aescbcEncryptionSecret", API_SERVER),
    (MAIN, "cluster.secretboxEncryptionSecret", API_SERVER),
    (MAIN, "cluster.aggregatorCA", API_SERVER),
    (MAIN, "cluster.serviceAccount", API_SERVER),
    (MAIN, "cluster.apiServer", API_SERVER),
    (MAIN, "cluster.controllerManager", CONTROLLER_MANAGER),
    (MAIN, "cluster.scheduler", SCHEDULER),
    (MAIN, "cluster.externalCloudProvider", CONTROL_PLANE),
    (MAIN, "cluster.proxy", Effect::CreatesObjects),
    (MAIN, "cluster.coreDNS", Effect::CreatesObjects),
    (MAIN, "cluster.extraManifests", Effect::CreatesObjects),
    (MAIN, "cluster.extraManifestHeaders", Effect::CreatesObjects),
    (MAIN, "cluster.inlineManifests", Effect::CreatesObjects),
    (MAIN, "cluster.etcd", Effect::AtNextReboot),
    // Volumes are made once.
    ("VolumeConfig", "provisioning", Effect::WhenMade),
    ("VolumeConfig", "encryption", Effect::WhenMade),
    ("VolumeConfig", "encryption.keys", Effect::AtNextReboot),
    ("VolumeConfig", "filesystem", Effect::WhenMade),
    ("UserVolumeConfig", "volumeType", Effect::WhenMade),
    ("UserVolumeConfig", "provisioning", Effect::WhenMade),
    ("UserVolumeConfig", "encryption", Effect::WhenMade),
    ("UserVolumeConfig", "encryption.keys", Effect::AtNextReboot),
    ("UserVolumeConfig", "filesystem", Effect::WhenMade),
    ("RawVolumeConfig", "provisioning", Effect::WhenMade),
    ("RawVolumeConfig", "encryption", Effect::WhenMade),
    ("RawVolumeConfig", "encryption.keys", Effect::AtNextReboot),
    ("SwapVolumeConfig", "provisioning", Effect::WhenMade),
    ("SwapVolumeConfig", "encryption", Effect::WhenMade),
    ("SwapVolumeConfig", "encryption.keys", Effect::AtNextReboot),
    ("UnattendedInstallConfig", "", Effect::AtInstall),
    ("RegistryAuthConfig", "", Effect::AtNextReboot),
    ("KernelModuleConfig", "parameters", Effect::AtNextReboot),
    (
        "ExtensionServiceConfig",
        "",
        Effect::Restarts {
            service: "the extension's service",
        },
    ),
    // Kubernetes in documents of its own, from Talos 1.14 on.
    ("KubeClusterConfig", "", CONTROL_PLANE),
    ("KubeNetworkConfig", "", CONTROL_PLANE),
    ("KubeNodeConfig", "", KUBELET),
    ("KubeNodeConfig", "labels", Effect::Live),
    ("KubeNodeConfig", "annotations", Effect::Live),
    ("KubeNodeConfig", "taints", Effect::Live),
    ("KubeletConfig", "", KUBELET),
    ("KubeCredentialProviderConfig", "", KUBELET),
    ("KubeAPIServerCAConfig", "", CONTROL_PLANE),
    ("KubeAggregatorCAConfig", "", API_SERVER),
    ("KubeAPIServerConfig", "", API_SERVER),
    ("KubeAdmissionControlConfig", "", API_SERVER),
    ("KubeAuditPolicyConfig", "", API_SERVER),
    ("KubeAuthenticationConfig", "", API_SERVER),
    ("KubeAuthorizerConfig", "", API_SERVER),
    ("KubeEtcdEncryptionConfig", "", API_SERVER),
    ("KubeServiceAccountConfig", "", API_SERVER),
    ("KubeControllerManagerConfig", "", CONTROLLER_MANAGER),
    ("KubeSchedulerConfig", "", SCHEDULER),
    ("KubeProxyConfig", "", Effect::CreatesObjects),
    ("KubeFlannelCNIConfig", "", Effect::CreatesObjects),
    ("KubeCoreDNSConfig", "", Effect::CreatesObjects),
    ("KubeInlineManifestConfig", "", Effect::CreatesObjects),
    ("KubeExternalManifestConfig", "", Effect::CreatesObjects),
];

/// The first release in which no change of the configuration reboots a machine.
const NEVER_REBOOTS: (u64, u64) = (1, 14);

impl Effect {
    /// Returns what a change at a place does on a machine that runs this Talos release.
    pub fn of(kind: &str, path: &LeafPath, talos: &Version) -> Self {
        let fits = TABLE
            .iter()
            .filter(|(of, root, _)| *of == kind && path.matches(root));
        let effect = fits
            .max_by_key(|(_, root, _)| root.len())
            .map_or(Self::Live, |(.., effect)| *effect);
        match effect {
            Self::Live | Self::Reboots if !is_known(kind, path) => Self::Unknown,
            Self::Reboots if talos.minor_release() >= NEVER_REBOOTS => without_reboot(path),
            effect => effect,
        }
    }

    /// Returns what it does to take a value away. Programs that run keep their environment.
    pub fn of_removal(kind: &str, path: &LeafPath, talos: &Version) -> Self {
        match Self::of(kind, path, talos) {
            Self::Live if is_environment(kind, path) => Self::AtNextReboot,
            effect => effect,
        }
    }
}

/// Tells whether this build knows what stands at a place: a kind that the table of effects or that of
/// forms has, and a field that its schema has, where there is one.
fn is_known(kind: &str, path: &LeafPath) -> bool {
    has_place(kind, path)
        .unwrap_or_else(|| since(kind).is_some() || TABLE.iter().any(|(known, ..)| *known == kind))
}

/// What became of a reboot since 1.14. Volumes are made once, and are opened at boot.
fn without_reboot(path: &LeafPath) -> Effect {
    if path.matches("machine.systemDiskEncryption.*.keys") {
        Effect::AtNextReboot
    } else if path.matches("machine.systemDiskEncryption") || path.matches("machine.disks") {
        Effect::WhenMade
    } else {
        Effect::Live
    }
}

fn is_environment(kind: &str, path: &LeafPath) -> bool {
    kind == "EnvironmentConfig" || kind == MAIN && path.matches("machine.env")
}
