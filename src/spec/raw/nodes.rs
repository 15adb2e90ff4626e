//! The machines, and what they share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RawImage, RawLinks, RawMachine, RawPatchList, Text};
use crate::yaml::Spanned;

/// One machine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawNode {
    /// Its host name, also in Kubernetes: lower-case letters, digits and inner hyphens.
    #[schemars(required, example = &"talos-1")]
    pub name: Option<Text>,
    /// What it does.
    #[schemars(required, example = &"control-plane")]
    pub role: Option<Spanned<RawRole>>,
    /// The class whose traits it has; what is written here comes before the class.
    #[schemars(example = &"nuc")]
    pub class: Option<Text>,
    /// The release of the distribution that it runs, while an upgrade is under way; that of `distribution`
    /// unless you say otherwise.
    #[schemars(example = &"v1.12.7")]
    pub version: Option<Text>,
    /// Its fixed address, inside the nodes' network.
    #[schemars(required, example = &"192.168.1.101")]
    pub address: Option<Text>,
    /// Its processor architecture; `amd64` unless you say otherwise.
    #[schemars(example = &"amd64")]
    pub arch: Option<Spanned<RawArch>>,
    /// Its memory; lets too small control planes be noticed.
    #[schemars(example = &"16Gi")]
    pub memory: Option<Text>,
    /// The disk that the operating system is installed on: exactly one way to find it.
    pub disk: Option<Spanned<RawDisk>>,
    /// The network card that carries the address: exactly one way to find it.
    pub nic: Option<Spanned<RawNic>>,
    /// How its links are arranged, beside card and address.
    pub links: Option<RawLinks>,
    /// The image that it runs.
    pub image: Option<RawImage>,
    /// How its system is set.
    pub machine: Option<RawMachine>,
    /// Kubernetes labels.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"topology.kubernetes.io/zone": "rack-1"}))]
    pub labels: BTreeMap<String, Text>,
    /// Your own changes to this node's configuration, after those of wider scopes.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"machine": {"sysctls": {"vm.nr_hugepages": "1024"}}}]))]
    pub patches: RawPatchList,
}

/// Hardware traits that several nodes share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawClass {
    /// The processor architecture.
    #[schemars(example = &"arm64")]
    pub arch: Option<Spanned<RawArch>>,
    /// The memory of each.
    #[schemars(example = &"8Gi")]
    pub memory: Option<Text>,
    /// The disk that the operating system is installed on: a path or traits, since the others differ per disk.
    pub disk: Option<Spanned<RawDisk>>,
    /// The network card that carries the address: a name, since hardware addresses differ per card.
    pub nic: Option<Spanned<RawNic>>,
    /// How the links of each are arranged.
    pub links: Option<RawLinks>,
    /// The image that each runs.
    pub image: Option<RawImage>,
    /// How the system of each is set.
    pub machine: Option<RawMachine>,
    /// Kubernetes labels; those of a node come before them.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"hardware": "nuc"}))]
    pub labels: BTreeMap<String, Text>,
    /// Changes to the configuration of each, before the node's own.
    #[serde(default)]
    #[schemars(example = &"@patches/nuc.yaml")]
    pub patches: RawPatchList,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawRole {
    /// Runs etcd and the Kubernetes API.
    ControlPlane,
    /// Runs workloads only.
    Worker,
}

/// Processor architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawArch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

/// Which disk to install on: exactly one way to find it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawDisk {
    /// The drive's serial number, as `lsblk -o NAME,SERIAL` shows it.
    #[schemars(example = &"S4EVNX0R100001")]
    pub serial: Option<Text>,
    /// The drive's world-wide identifier.
    #[schemars(example = &"eui.002538ba11b70c4f")]
    pub wwid: Option<Text>,
    /// A device path; `/dev/disk/by-id/…` stays the same, `/dev/sda` may not.
    #[schemars(example = &"/dev/disk/by-id/nvme-Samsung_SSD_980_S4EVNX0R100001")]
    pub path: Option<Text>,
    /// Traits that only one disk of the machine has.
    pub selector: Option<Spanned<RawDiskTraits>>,
}

/// Traits of a disk, all of which must fit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct RawDiskTraits {
    /// The model, where `*` stands for any letters.
    #[schemars(example = &"Samsung SSD 980*")]
    pub model: Option<Text>,
    /// What kind of disk it is.
    #[serde(rename = "type")]
    #[schemars(example = &"nvme")]
    pub kind: Option<Spanned<RawDiskKind>>,
    /// A comparison with its size.
    #[schemars(example = &">= 400GB")]
    pub size: Option<Text>,
    /// Where it is plugged in, where `*` stands for any letters.
    #[schemars(example = &"/pci0000:00/0000:00:17.0/*")]
    pub bus_path: Option<Text>,
}

/// Kinds of disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawDiskKind {
    /// On PCI Express.
    Nvme,
    /// Without moving parts.
    Ssd,
    /// With turning platters.
    Hdd,
    /// A memory card.
    Sd,
}

/// Which network card carries the node's address: exactly one way to find it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RawNic {
    /// The card's hardware address, in quotes.
    #[schemars(example = &"52:54:00:00:00:01")]
    pub mac: Option<Text>,
    /// The card's name in Linux.
    #[schemars(example = &"eth0")]
    pub name: Option<Text>,
}
