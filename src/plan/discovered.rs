//! Machines that a scan found, and the `nodes:` block that describes them.
//!
//! Disks and network cards are named by what never changes: serial number and hardware address.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;

use super::observed::{Disk, Hardware, Link, NodeState, Platform};
use crate::spec::Cluster;
use crate::spec::cluster::{DiskSelector, NicSelector, Node, Role};

/// A host that answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovered {
    /// Its address.
    pub address: IpAddr,
    /// What it is.
    pub answer: Answer,
}

/// What answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The Talos API.
    Talos(Box<NodeState>),
    /// An SSH server, which introduced itself so.
    Ssh(String),
}

/// A machine as a spec would describe it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Its name: the spec's where the spec knows the machine.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its address.
    pub address: IpAddr,
    /// Its architecture, in Go's words.
    pub arch: Option<String>,
    /// The disk to install on; `None` when it has none that can be written.
    pub disk: Option<Disk>,
    /// How many other disks it has that could be meant as well.
    pub other_disks: usize,
    /// The network card that carries the address.
    pub nic: Option<Link>,
}

impl Discovered {
    /// Returns what the machine is made of, when it told.
    pub fn hardware(&self) -> Option<&Hardware> {
        match &self.answer {
            Answer::Talos(state) => state.hardware(),
            Answer::Ssh(_) => None,
        }
    }
}

/// Proposes a node for each machine that told what it is made of.
pub fn propose(found: &[Discovered], cluster: Option<&Cluster>) -> Vec<Proposal> {
    let machines: Vec<_> = found
        .iter()
        .filter_map(|it| Some((it.address, it.hardware()?)))
        .collect();
    let wanted = if machines.len() < 3 { 1 } else { 3 };
    let known = |address, hardware: &Hardware| cluster.and_then(|it| known(it, address, hardware));
    let mut planes = cluster.map_or(0, |it| it.control_planes().len());
    let mut number = cluster.map_or(0, |it| it.nodes.len());
    machines
        .into_iter()
        .map(|(address, hardware)| {
            let (name, role) = if let Some(node) = known(address, hardware) {
                (node.name.to_string(), node.role)
            } else {
                number += 1;
                let role = if planes < wanted {
                    planes += 1;
                    Role::ControlPlane
                } else {
                    Role::Worker
                };
                (format!("node-{number}"), role)
            };
            let disks = candidates(hardware);
            Proposal {
                name,
                role,
                address,
                arch: hardware.arch.clone(),
                other_disks: disks.len().saturating_sub(1),
                disk: disks.first().map(|disk| (*disk).clone()),
                nic: card(address, hardware).cloned(),
            }
        })
        .collect()
}

/// The node of the spec that means this machine. A container has nothing of its own but its address.
fn known<'a>(cluster: &'a Cluster, address: IpAddr, hardware: &Hardware) -> Option<&'a Node> {
    let is_container = hardware.platform == Platform::Container;
    cluster.nodes.iter().find(|node| {
        let has_card = match &node.nic {
            NicSelector::Mac(mac) => hardware.links.iter().any(|link| link.mac == Some(*mac)),
            NicSelector::Name(_) => false,
        };
        let has_disk = hardware.disks.iter().any(|disk| match &node.disk {
            DiskSelector::Serial(serial) => disk.serial == *serial,
            DiskSelector::Wwid(wwid) => disk.wwid == *wwid,
            DiskSelector::Path(_) | DiskSelector::Traits(_) => false,
        });
        has_card || has_disk || (is_container && node.address == address)
    })
}

/// Disks that a system can be installed on, the likeliest first: never the stick that the machine
/// started from.
fn candidates(hardware: &Hardware) -> Vec<&Disk> {
    let usable = |disk: &&Disk| !disk.readonly && !disk.cdrom && disk.transport != "usb";
    let mut disks: Vec<_> = hardware.disks.iter().filter(usable).collect();
    disks.sort_by_key(|disk| (!disk.holds.is_empty(), disk.size));
    disks
}

fn card(address: IpAddr, hardware: &Hardware) -> Option<&Link> {
    let carrier = hardware
        .addresses
        .iter()
        .find(|it| it.network.addr() == address)
        .and_then(|it| hardware.links.iter().find(|link| link.name == it.link));
    carrier.or_else(|| hardware.links.iter().find(|link| link.up))
}

/// Writes the `nodes:` block of a spec, with what a person should check as comments.
pub fn nodes_block(proposals: &[Proposal]) -> String {
    let mut text = "nodes:\n".to_owned();
    for it in proposals {
        let role = match it.role {
            Role::ControlPlane => "control-plane",
            Role::Worker => "worker",
        };
        let mut line = |text_of_line: String| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {text_of_line}");
        };
        line(format!("- name: {}", it.name));
        line(format!("  role: {role}"));
        line(format!("  address: {}", it.address));
        if let Some(arch) = it.arch.as_deref().filter(|arch| *arch != "amd64") {
            line(format!("  arch: {arch}"));
        }
        line(format!("  disk: {}", disk(it)));
        line(format!("  nic: {}", nic(it.nic.as_ref())));
    }
    text
}

fn disk(proposal: &Proposal) -> String {
    let Some(disk) = &proposal.disk else {
        return "{}  # it shows no disk that can be written".to_owned();
    };
    let selector = match (disk.serial.as_str(), disk.wwid.as_str()) {
        ("", "") => format!("{{path: {}}}", disk.path),
        ("", wwid) => format!("{{wwid: {}}}", scalar(wwid)),
        (serial, _) => format!("{{serial: {}}}", scalar(serial)),
    };
    let mut notes = vec![format!("{} GB", disk.size / 1_000_000_000)];
    if !disk.model.is_empty() {
        notes.push(disk.model.clone());
    }
    if !disk.holds.is_empty() {
        notes.push(format!("holds {}", disk.holds.join(", ")));
    }
    if proposal.other_disks > 0 {
        notes.push(format!("{} more could be meant", proposal.other_disks));
    }
    format!("{selector}  # {}", notes.join("; "))
}

fn nic(link: Option<&Link>) -> String {
    match link {
        None => "{}  # it shows no network card".to_owned(),
        Some(Link {
            mac: Some(mac),
            name,
            ..
        }) => format!("{{mac: \"{mac}\"}}  # {name}"),
        Some(Link { name, .. }) => format!("{{name: {}}}", scalar(name)),
    }
}

/// Writes a text so that YAML cannot take it for anything else.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() > 5
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if is_plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
