//! `bootstrap/vm/README.md`: what a node needs when it is a virtual machine.

use super::markdown::{marker, table};
use crate::spec::Cluster;
use crate::spec::cluster::{Arch, DiskSelector, NicSelector, Node};

pub(super) fn page(cluster: &Cluster) -> String {
    let rows: Vec<_> = cluster.nodes.iter().map(row).collect();
    let head = ["Node", "Architecture", "Network card", "Disk"];
    format!(
        "{}# A node as a virtual machine\n\n\
         Any of the nodes may be a virtual machine, on a Mac mini for example. \
         Talos finds disk and network card by what homelab.yaml says about them, so give the machine exactly these:\n\n\
         {}\n\
         - Firmware: UEFI. At least 2 processors, 4 GiB of memory for a control plane, 20 GiB of disk.\n\
         - Network: bridged to the network of the nodes ({}), never behind the host's own address translation: \
         the other nodes and the virtual IP must reach it directly.\n\
         - Boot medium: the Talos metal image of the node's architecture; a Mac with an Apple chip runs arm64 only. \
         The machine then waits in maintenance mode for `homelab bootstrap`.\n\
         - Start it with the host, and keep the host awake: etcd counts it as a member.\n\
         - Never restore a snapshot of a control plane: etcd would see its past.\n\n\
         With QEMU, the disk's serial number and the hardware address are set like this:\n\n\
         ```\n\
         -drive file=disk.img,if=none,id=disk,format=raw\n\
         -device virtio-blk-pci,drive=disk,serial=SERIAL\n\
         -nic vmnet-bridged,ifname=en0,model=virtio-net-pci,mac=MAC\n\
         ```\n",
        marker(),
        table(head, &rows),
        cluster.network.nodes,
    )
}

fn row(node: &Node) -> [String; 4] {
    let arch = match node.arch {
        Arch::Amd64 => "amd64",
        Arch::Arm64 => "arm64",
    };
    let nic = match &node.nic {
        NicSelector::Mac(mac) => format!("hardware address `{mac}`"),
        NicSelector::Name(name) => format!("named `{name}` in Linux"),
    };
    let disk = match &node.disk {
        DiskSelector::Serial(serial) => format!("serial number `{serial}`"),
        DiskSelector::Wwid(wwid) => format!("WWID `{wwid}`"),
        DiskSelector::Path(path) => format!("at `{path}`"),
        DiskSelector::Traits(traits) => traits.to_string(),
    };
    [node.name.to_string(), arch.to_owned(), nic, disk]
}
