//! How the system of machines is set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Text;
use crate::yaml::Spanned;

/// How the system of machines is set. What a node says comes before what its class says, and that before
/// what is said for all.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawMachine {
    /// Kernel parameters below `/proc/sys`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"vm.nr_hugepages": "1024"}))]
    pub sysctls: BTreeMap<String, Text>,
    /// Kernel parameters below `/sys`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"devices.system.cpu.cpu0.cpufreq.scaling_governor": "performance"}))]
    pub sysfs: BTreeMap<String, Text>,
    /// Kernel modules to load, and their parameters.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"nbd": [], "nvme_tcp": ["wq_unbound=Y"]}))]
    pub modules: BTreeMap<String, Vec<Text>>,
    /// Rules of udev.
    #[serde(default)]
    #[schemars(example = ["SUBSYSTEM==\"drm\", GROUP=\"44\", MODE=\"0660\""])]
    pub udev_rules: Vec<Text>,
    /// Files below `/var` or `/etc`, by path.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"/etc/nfsmount.conf": {"content": "[NFSMount_Global_Options]\nnfsvers=4.2\n"}}))]
    pub files: BTreeMap<String, RawMachineFile>,
    /// Environment variables of the system's services, such as a proxy.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"https_proxy": "http://proxy.homelab.local:3128"}))]
    pub environment: BTreeMap<String, Text>,
    /// Names of hosts, by address.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"192.168.1.20": ["nas.homelab.local"]}))]
    pub hosts: BTreeMap<String, Spanned<Vec<Text>>>,
    /// Certificates in PEM that programs of the machine trust, by a name of your choice.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"home-ca": "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"}))]
    pub trusted_roots: BTreeMap<String, Text>,
    /// Settings of services that extensions bring, by the service's name.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"nut-client": {"environment": {"UPSMON": "1"}}}))]
    pub extension_services: BTreeMap<String, RawExtensionService>,
    /// The timer that resets a machine which hangs.
    pub watchdog: Option<RawWatchdog>,
    /// Arguments of the kubelet, without their dashes.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"max-pods": "200"}))]
    pub kubelet_args: BTreeMap<String, Text>,
    /// Kubernetes annotations.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"homelab.local/rack": "r1"}))]
    pub annotations: BTreeMap<String, Text>,
    /// Kubernetes taints, by key: an effect, or a value and an effect.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"homelab.local/gpu": "present:NoSchedule"}))]
    pub taints: BTreeMap<String, Text>,
    /// The most that the volume of containers and logs takes; the rest of the disk unless you say otherwise.
    #[schemars(example = &"100GiB")]
    pub ephemeral_size: Option<Text>,
    /// Volumes for workloads, by name; each is mounted at `/var/mnt/<name>`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"data": {"disk": {"serial": "S4EVNX0R100002"}, "minSize": "100GiB"}}))]
    pub volumes: BTreeMap<String, RawVolume>,
    /// How the volumes of the system are encrypted. Nothing encrypts a volume that is there already.
    pub encryption: Option<RawEncryption>,
}

/// A file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawMachineFile {
    /// What is in it.
    #[schemars(required, example = &"[NFSMount_Global_Options]\nnfsvers=4.2\n")]
    pub content: Option<Text>,
    /// Its permissions in octal digits, in quotes; `0644` unless you say otherwise.
    #[schemars(example = &"0600")]
    pub mode: Option<Text>,
}

/// Settings of a service that an extension brings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawExtensionService {
    /// Environment variables.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"UPSMON": "1"}))]
    pub environment: BTreeMap<String, Text>,
    /// Files, by where the service sees them.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"/usr/local/etc/nut/upsmon.conf": "MONITOR ups@nas 1 monitor secret secondary\n"}))]
    pub files: BTreeMap<String, Text>,
}

/// The timer that resets a machine which hangs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawWatchdog {
    /// Its device; `/dev/watchdog0` unless you say otherwise.
    #[schemars(example = &"/dev/watchdog0")]
    pub device: Option<Text>,
    /// How long the machine may be silent, at least ten seconds; a minute unless you say otherwise.
    #[schemars(example = &"2m")]
    pub timeout: Option<Text>,
}

/// A volume for workloads.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawVolume {
    /// The disk that it is made on: exactly one way to find it.
    #[schemars(required)]
    pub disk: Option<Spanned<RawVolumeDisk>>,
    /// The least that it needs.
    #[schemars(example = &"50GiB")]
    pub min_size: Option<Text>,
    /// The most that it takes.
    #[schemars(example = &"500GiB")]
    pub max_size: Option<Text>,
    /// Its file system; `xfs` unless you say otherwise.
    #[schemars(example = &"xfs")]
    pub filesystem: Option<Spanned<RawFilesystem>>,
    /// How it is encrypted.
    pub encryption: Option<Spanned<RawDiskKey>>,
}

/// Which disk a volume is made on: exactly one way to find it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawVolumeDisk {
    /// The disk that the system is installed on.
    #[schemars(extend("const" = true), example = true)]
    pub system: Option<bool>,
    /// The drive's serial number.
    #[schemars(example = &"S4EVNX0R100002")]
    pub serial: Option<Text>,
    /// The drive's world-wide identifier.
    #[schemars(example = &"eui.002538ba11b70c4f")]
    pub wwid: Option<Text>,
    /// A device path below `/dev/disk/by-id/`.
    #[schemars(example = &"/dev/disk/by-id/nvme-Samsung_SSD_980_S4EVNX0R100002")]
    pub path: Option<Text>,
    /// An expression that is true of the disk, in the language of Talos.
    #[serde(rename = "match")]
    #[schemars(example = &"disk.transport == \"nvme\" && !system_disk")]
    pub matched: Option<Text>,
}

/// File systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawFilesystem {
    /// XFS.
    Xfs,
    /// ext4.
    Ext4,
}

/// How the volumes of the system are encrypted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawEncryption {
    /// The volume with the machine's configuration.
    pub state: Option<Spanned<RawDiskKey>>,
    /// The volume with containers and logs.
    pub ephemeral: Option<Spanned<RawDiskKey>>,
}

/// What opens an encrypted volume: exactly one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawDiskKey {
    /// The machine's TPM.
    #[schemars(extend("const" = true), example = true)]
    pub tpm: Option<bool>,
    /// The machine's identity: protects a disk that is thrown away, not a machine that is stolen.
    #[schemars(extend("const" = true), example = true)]
    pub node_id: Option<bool>,
    /// A passphrase in an encrypted file of the repository: the file, `#` and the path in it.
    #[schemars(example = &"infrastructure/talos/disks.sops.yaml#passphrase")]
    pub passphrase: Option<Text>,
}

/// How nodes reach images of containers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawRegistries {
    /// Mirrors, by the registry that they stand for; `*` for every one.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"docker.io": {"endpoints": ["https://registry.homelab.local"]}}))]
    pub mirrors: BTreeMap<String, RawMirror>,
    /// Authorities in PEM of registries and mirrors, by host.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"registry.homelab.local": "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"}))]
    pub authorities: BTreeMap<String, Text>,
    /// Logins, by the host that is asked: that of the mirror where there is one.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"registry.homelab.local": {"username": "homelab", "password": "infrastructure/talos/registries.sops.yaml#password"}}))]
    pub logins: BTreeMap<String, RawLogin>,
}

/// The mirrors of a registry.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawMirror {
    /// Their URLs, in the order in which they are tried.
    #[serde(default)]
    #[schemars(required, length(min = 1, max = 16), example = ["https://registry.homelab.local"])]
    pub endpoints: Vec<Text>,
    /// Whether a URL's path is the whole of it, so that Talos does not add `/v2`.
    #[schemars(example = true)]
    pub override_path: Option<Spanned<bool>>,
    /// Whether the registry itself is never asked.
    #[schemars(example = true)]
    pub skip_fallback: Option<Spanned<bool>>,
}

/// A login at a registry.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawLogin {
    /// The name.
    #[schemars(required, example = &"homelab")]
    pub username: Option<Text>,
    /// The password in an encrypted file of the repository: the file, `#` and the path in it.
    #[schemars(required, example = &"infrastructure/talos/registries.sops.yaml#password")]
    pub password: Option<Text>,
}
