//! What a simulated machine is made of.

use std::net::IpAddr;

use crate::model::{MacAddress, NodeName, Version};
use crate::spec::cluster::{Arch, Cluster, DiskKind, DiskSelector, DiskTraits, NicSelector, Node};

use crate::rehearse::span::mix;

/// A machine as it stands on the shelf, started from Talos' boot media.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineSpec {
    /// The name that people know it by; the machine learns it from its configuration.
    pub name: NodeName,
    /// Its address.
    pub address: IpAddr,
    /// The length of its network's prefix.
    pub prefix_len: u8,
    /// The router that leads out of its network.
    pub gateway: Option<IpAddr>,
    /// The name servers that it is told to ask.
    pub nameservers: Vec<IpAddr>,
    /// The name of its network card.
    pub link: String,
    /// Its network card's hardware address.
    pub mac: MacAddress,
    /// Its processor architecture.
    pub arch: Arch,
    /// Its memory in MiB.
    pub memory: u64,
    /// The mainboard's UUID.
    pub uuid: String,
    /// The Talos release of the boot media.
    pub version: Version,
    /// Its disks.
    pub disks: Vec<DiskSpec>,
    /// By how many seconds its clock is ahead of the world's.
    pub clock_offset: i64,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// Its name in Linux, such as `nvme0n1`.
    pub id: String,
    /// Its serial number.
    pub serial: String,
    /// Its world-wide identifier.
    pub wwid: String,
    /// Its model.
    pub model: String,
    /// Its size in bytes.
    pub size: u64,
    /// How it is attached: `nvme`, `sata`, `virtio`, `usb`.
    pub transport: String,
    /// What it holds; empty for a blank disk.
    pub holds: Vec<Holding>,
}

/// A partition with something in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The kind of content as Talos recognises it, such as `ntfs`, `ext4`, `zfs`.
    pub kind: String,
    /// The label of the file system or of the partition.
    pub label: String,
    /// Its size in bytes.
    pub size: u64,
}

const GIB: u64 = 1024 * 1024 * 1024;

impl MachineSpec {
    /// Builds the machines that a cluster's spec describes: each with exactly what is asked for,
    /// ordinary in everything else, and with blank disks.
    pub fn of_cluster(cluster: &Cluster) -> Vec<Self> {
        cluster
            .nodes
            .iter()
            .map(|node| Self::of_node(cluster, node))
            .collect()
    }

    fn of_node(cluster: &Cluster, node: &Node) -> Self {
        let (link, mac) = match &node.nic {
            NicSelector::Mac(mac) => ("eth0".to_owned(), *mac),
            NicSelector::Name(name) => (name.clone(), made_up_mac(&node.name)),
        };
        Self {
            name: node.name.clone(),
            address: node.address,
            prefix_len: cluster.network.nodes.prefix_len(),
            gateway: cluster.network.gateway,
            nameservers: cluster.network.nameservers.clone(),
            link,
            mac,
            arch: node.arch,
            memory: 16 * 1024,
            uuid: made_up_uuid(&node.name),
            version: node.version.clone(),
            disks: vec![DiskSpec::selected_by(&node.disk, &node.name)],
            clock_offset: 0,
        }
    }
}

impl DiskSpec {
    /// Builds the blank disk that a selector means.
    pub fn selected_by(selector: &DiskSelector, node: &NodeName) -> Self {
        let mut disk = Self {
            id: "nvme0n1".to_owned(),
            serial: format!("S{:012X}", mix(1, node.as_str()) >> 16),
            wwid: format!("eui.{:016x}", mix(2, node.as_str())),
            model: "Simulated SSD 500GB".to_owned(),
            size: 500 * GIB,
            transport: "nvme".to_owned(),
            holds: Vec::new(),
        };
        match selector {
            DiskSelector::Serial(serial) => disk.serial.clone_from(serial),
            DiskSelector::Wwid(wwid) => disk.wwid.clone_from(wwid),
            DiskSelector::Traits(traits) => disk.have(traits),
            DiskSelector::Path(path) => {
                let id = path.rsplit('/').next().unwrap_or(path);
                id.clone_into(&mut disk.id);
                if !id.starts_with("nvme") {
                    "sata".clone_into(&mut disk.transport);
                }
            }
        }
        disk
    }

    /// Takes on traits: a model for the pattern, and a size that fits.
    fn have(&mut self, traits: &DiskTraits) {
        if let Some(model) = &traits.model {
            self.model = model.replace('*', "");
        }
        if let Some(size) = &traits.size {
            self.size = size.example();
        }
        match traits.kind {
            Some(DiskKind::Sd) => "mmc".clone_into(&mut self.transport),
            Some(DiskKind::Ssd | DiskKind::Hdd) => "sata".clone_into(&mut self.transport),
            Some(DiskKind::Nvme) | None => {}
        }
    }

    /// Returns the disk's device.
    pub fn path(&self) -> String {
        format!("/dev/{}", self.id)
    }
}

/// A locally administered address that follows from the name.
fn made_up_mac(node: &NodeName) -> MacAddress {
    let octets = mix(3, node.as_str()).to_be_bytes();
    let pairs: Vec<_> = octets[..5]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("52:{}", pairs.join(":"))
        .parse()
        .expect("six pairs of hexadecimal digits")
}

fn made_up_uuid(node: &NodeName) -> String {
    let high = mix(4, node.as_str());
    let low = mix(5, node.as_str());
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
