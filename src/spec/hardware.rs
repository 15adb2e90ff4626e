//! What a machine has beyond one disk and one card, and how its system is set: types of the valid
//! cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::cluster::{DiskSelector, NicSelector};

/// How a machine's links are arranged. Addresses lie on the bridge where there is one, else on the bond,
/// else on the card.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Links {
    /// The largest packet.
    pub mtu: Option<u16>,
    /// Addresses beside the node's own, with their networks.
    pub addresses: Vec<IpNet>,
    /// Routes beside the default one.
    pub routes: Vec<Route>,
    /// The bond that the card is part of.
    pub bond: Option<Bond>,
    /// The name of the bridge that the card or the bond is a port of.
    pub bridge: Option<String>,
    /// VLANs on the link with the addresses.
    pub vlans: Vec<Vlan>,
    /// Further cards.
    pub others: Vec<Link>,
}

/// A static route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Where it leads; everywhere when it does not say.
    pub to: Option<IpNet>,
    /// The router.
    pub via: IpAddr,
    /// The lower, the better.
    pub metric: Option<u32>,
}

/// Several cards as one link.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bond {
    /// The link's name.
    pub name: String,
    /// How the cards share the work, in the kernel's words.
    pub mode: String,
    /// The cards beside the node's own.
    pub nics: Vec<NicSelector>,
}

/// A VLAN.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vlan {
    /// Its number.
    pub id: u16,
    /// How it is addressed.
    pub addressing: Addressing,
}

/// A further card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// The card.
    pub nic: NicSelector,
    /// How it is addressed.
    pub addressing: Addressing,
}

/// Addresses and routes of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Addressing {
    /// The largest packet.
    pub mtu: Option<u16>,
    /// Addresses with their networks.
    pub addresses: Vec<IpNet>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Whether it also asks for an address.
    pub dhcp: bool,
}

/// How the system of a machine is set: what all machines, its class and itself say, the narrowest last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Settings {
    /// Kubernetes annotations.
    pub annotations: BTreeMap<String, String>,
    /// Kubernetes taints: `Effect` or `value:Effect` by key.
    pub taints: BTreeMap<String, String>,
    /// Arguments of the kubelet.
    pub kubelet_args: BTreeMap<String, String>,
    /// Kernel parameters below `/proc/sys`.
    pub sysctls: BTreeMap<String, String>,
    /// Kernel parameters below `/sys`.
    pub sysfs: BTreeMap<String, String>,
    /// Environment variables of the system's services.
    pub environment: BTreeMap<String, String>,
    /// Kernel modules, and their parameters.
    pub modules: BTreeMap<String, Vec<String>>,
    /// Rules of udev.
    pub udev_rules: Vec<String>,
    /// Files, by path.
    pub files: BTreeMap<String, File>,
    /// Names of hosts, by address.
    pub hosts: BTreeMap<IpAddr, Vec<String>>,
    /// Certificates that programs of the machine trust, by a name.
    pub trusted_roots: BTreeMap<String, String>,
    /// Settings of services that extensions bring, by their name.
    pub extension_services: BTreeMap<String, ExtensionService>,
    /// The timer that resets a machine which hangs.
    pub watchdog: Option<Watchdog>,
    /// The most that the system's own volume takes, such as `100GiB`.
    pub ephemeral_size: Option<String>,
    /// Volumes for workloads, by name.
    pub volumes: BTreeMap<String, Volume>,
    /// How the volumes of the system are encrypted.
    pub encryption: Encryption,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// What is in it.
    pub content: String,
    /// Its permissions.
    pub mode: u16,
}

/// Settings of a service that an extension brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExtensionService {
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Files, by where the service sees them.
    pub files: BTreeMap<String, String>,
}

/// The timer that resets a machine which hangs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Watchdog {
    /// Its device.
    pub device: String,
    /// How long the machine may be silent, in Go's words.
    pub timeout: Option<String>,
}

/// A volume for workloads, mounted at `/var/mnt/<name>`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Volume {
    /// The disk that it is made on.
    pub disk: VolumeDisk,
    /// The least that it needs.
    pub min_size: Option<String>,
    /// The most that it takes.
    pub max_size: Option<String>,
    /// Its file system.
    pub filesystem: Option<String>,
    /// How it is encrypted.
    pub encryption: Option<DiskKey>,
}

/// Which disk a volume is made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeDisk {
    /// The one that the system is installed on.
    System,
    /// This one.
    Selected(DiskSelector),
    /// The one that an expression is true of, in the language of Talos.
    Matched(String),
}

/// How the volumes of the system are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Encryption {
    /// The volume with the machine's configuration.
    pub state: Option<DiskKey>,
    /// The volume with everything else.
    pub ephemeral: Option<DiskKey>,
}

/// What opens an encrypted volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskKey {
    /// The machine's TPM.
    Tpm,
    /// The machine's identity: keeps the disk from being read elsewhere, not from a thief of the machine.
    NodeId,
    /// A passphrase, kept encrypted in the repository: its file, `#` and the path in it.
    Passphrase(String),
}

/// How nodes reach images of containers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Registries {
    /// Mirrors, by the registry that they stand for.
    pub mirrors: BTreeMap<String, Mirror>,
    /// The authority of a registry or mirror, by host.
    pub authorities: BTreeMap<String, String>,
    /// Logins, by host.
    pub logins: BTreeMap<String, Login>,
}

/// The mirrors of a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mirror {
    /// Their URLs, in the order in which they are tried.
    pub endpoints: Vec<String>,
    /// Whether a URL's path is the whole of it.
    pub override_path: bool,
    /// Whether the registry itself is never asked.
    pub skip_fallback: bool,
}

/// A login at a registry, whose password is kept encrypted in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password's file, `#` and the path in it.
    pub password: String,
}

impl Mirror {
    /// Tells whether its URLs are all there is to it.
    pub fn is_plain(&self) -> bool {
        !self.override_path && !self.skip_fallback
    }
}
