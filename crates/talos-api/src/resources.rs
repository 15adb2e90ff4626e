//! The kinds of resources that a provisioner reads, in the YAML names of Talos.

use std::fmt;

use serde::Deserialize;

use crate::state::{Kind, Singleton};

macro_rules! kinds {
    ($($spec:ident = $kind:literal in $namespace:literal $(at $id:literal)?;)+) => {$(
        impl Kind for $spec {
            const NAMESPACE: &'static str = $namespace;
            const TYPE: &'static str = $kind;
        }
        $(impl Singleton for $spec {
            const ID: &'static str = $id;
        })?
    )+};
}

kinds! {
    MachineStatus = "MachineStatuses.runtime.talos.dev" in "runtime" at "machine";
    OsVersion = "Versions.runtime.talos.dev" in "runtime" at "version";
    SystemInformation = "SystemInformations.hardware.talos.dev" in "hardware" at "systeminformation";
    MemoryModule = "MemoryModules.hardware.talos.dev" in "hardware";
    HostnameStatus = "HostnameStatuses.net.talos.dev" in "network" at "hostname";
    LinkStatus = "LinkStatuses.net.talos.dev" in "network";
    AddressStatus = "AddressStatuses.net.talos.dev" in "network";
    RouteStatus = "RouteStatuses.net.talos.dev" in "network";
    ResolverStatus = "ResolverStatuses.net.talos.dev" in "network" at "resolvers";
    TimeStatus = "TimeStatuses.v1alpha1.talos.dev" in "runtime" at "node";
    Disk = "Disks.block.talos.dev" in "runtime";
    SystemDisk = "SystemDisks.block.talos.dev" in "runtime" at "system-disk";
    DiscoveredVolume = "DiscoveredVolumes.block.talos.dev" in "runtime";
    Member = "Members.cluster.talos.dev" in "cluster";
    ClusterIdentity = "Identities.cluster.talos.dev" in "cluster" at "local";
    MetaKey = "MetaKeys.runtime.talos.dev" in "runtime";
    MachineConfig = "MachineConfigs.config.talos.dev" in "config" at "v1alpha1";
}

/// Where a machine is between power-on and service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The kernel is up, services start.
    Booting,
    /// The disk is being written.
    Installing,
    /// There is no configuration; the node waits for one.
    Maintenance,
    /// The boot sequence is over.
    Running,
    /// The machine is about to restart.
    Rebooting,
    /// The machine is about to power off.
    #[serde(rename = "shutting down")]
    ShuttingDown,
    /// The machine forgets its configuration.
    Resetting,
    /// Another release is being installed.
    Upgrading,
    /// Something that this client does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Stage {
    /// Returns the stage in Talos' words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Booting => "booting",
            Self::Installing => "installing",
            Self::Maintenance => "maintenance",
            Self::Running => "running",
            Self::Rebooting => "rebooting",
            Self::ShuttingDown => "shutting down",
            Self::Resetting => "resetting",
            Self::Upgrading => "upgrading",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The machine as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MachineStatus {
    /// Where the machine is between power-on and service.
    pub stage: Stage,
    /// Whether it serves.
    pub status: Readiness,
}

/// Whether a machine serves, and if not, why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Readiness {
    /// Whether no condition is unmet.
    pub ready: bool,
    /// What is missing.
    pub unmet_conditions: Vec<UnmetCondition>,
}

/// Something that a machine still lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UnmetCondition {
    /// One of `time`, `network`, `services`, `staticPods`, `nodeReady`.
    pub name: String,
    /// The node's explanation.
    pub reason: String,
}

/// The release that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OsVersion {
    /// `Talos`.
    pub name: String,
    /// The release, such as `v1.13.9`.
    pub version: String,
}

/// What the firmware says about the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SystemInformation {
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    #[serde(rename = "productName")]
    pub product_name: String,
    /// Its serial number.
    #[serde(rename = "serialnumber")]
    pub serial_number: String,
    /// Its UUID, which cloned machines share by mistake.
    pub uuid: String,
}

/// A memory module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MemoryModule {
    /// Its size in MiB.
    pub size: u64,
    /// Where it sits.
    #[serde(rename = "deviceLocator")]
    pub device_locator: String,
}

/// The name of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HostnameStatus {
    /// The name without domain.
    pub hostname: String,
    /// The domain, often empty.
    pub domainname: String,
}

/// A network link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LinkStatus {
    /// The kind of device, such as `ether` or `loopback`.
    #[serde(rename = "type")]
    pub link_type: String,
    /// What a virtual device is, such as `bridge`; empty for a network card.
    pub kind: String,
    /// The hardware address in use.
    pub hardware_addr: String,
    /// The hardware address that the card was made with.
    pub permanent_addr: String,
    /// Whether a cable with a peer is plugged in.
    pub link_state: bool,
    /// The state in the kernel's words, such as `up`.
    pub operational_state: String,
    /// The speed in Mbit/s; unknown is 0 or negative.
    #[serde(rename = "speedMbit")]
    pub speed_mbit: i64,
    /// The kernel driver.
    pub driver: String,
}

/// An address of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AddressStatus {
    /// The address with its prefix length.
    pub address: String,
    /// The link that carries it.
    pub link_name: String,
    /// `inet4` or `inet6`.
    pub family: String,
    /// `global`, `link`, `host`, …
    pub scope: String,
}

/// A route of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RouteStatus {
    /// Where it leads; empty for everywhere.
    pub dst: String,
    /// The router; empty for a network that is attached.
    pub gateway: String,
    /// The link that it leaves by.
    pub out_link_name: String,
}

/// Whom the machine asks for names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResolverStatus {
    /// The name servers, in order.
    pub dns_servers: Vec<String>,
}

/// The configuration that the machine works with: YAML documents, secrets and all, so that there is
/// no `Debug` form. Only administrators may read it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct MachineConfig(pub String);

/// The machine's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TimeStatus {
    /// Whether the clock may be trusted.
    pub synced: bool,
    /// Whether synchronisation is switched off.
    pub sync_disabled: bool,
}

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Its device, such as `/dev/sda`; may change at any boot.
    pub dev_path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its size for people.
    pub pretty_size: String,
    /// Whether it cannot be written.
    pub readonly: bool,
    /// Whether it is an optical drive.
    pub cdrom: bool,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Its world-wide identifier.
    pub wwid: String,
    /// How it is attached: `nvme`, `sata`, `usb`, `virtio`, …
    pub transport: String,
    /// Where it is attached.
    pub bus_path: String,
    /// Whether it has platters.
    pub rotational: bool,
    /// Its stable names, such as `/dev/disk/by-id/…`.
    pub symlinks: Vec<String>,
}

/// The disk that the system runs from; absent while it is not installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SystemDisk {
    /// The disk's name among [`Disk`]s.
    #[serde(rename = "diskID")]
    pub disk_id: String,
    /// Its device.
    #[serde(rename = "devPath")]
    pub dev_path: String,
}

/// Something that was found on a disk: the disk itself, or a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DiscoveredVolume {
    /// `disk` or `partition`.
    #[serde(rename = "type")]
    pub volume_type: String,
    /// Its device, such as `/dev/sda1`.
    pub dev_path: String,
    /// The name of the disk that it is a part of; empty for a disk.
    pub parent: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its size for people.
    pub pretty_size: String,
    /// What it holds, such as `gpt`, `xfs`, `zfs`, `luks`; empty when nothing was recognised.
    pub name: String,
    /// The label of its file system.
    pub label: String,
    /// The label of the partition.
    pub partition_label: String,
}

/// A machine of the same cluster that discovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Member {
    /// Its identity in discovery.
    pub node_id: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Its host name.
    pub hostname: String,
    /// `controlplane` or `worker`.
    pub machine_type: String,
    /// The release that it runs, such as `Talos (v1.13.9)`.
    pub operating_system: String,
}

/// The machine's own identity in discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterIdentity {
    /// The identity.
    pub node_id: String,
}

/// A value that survives resets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MetaKey {
    /// The value.
    pub value: String,
}
