//! What a machine's controllers keep, as the COSI state service shows it.

use serde_json::{Map, Value, json};

use crate::spec::cluster::Arch;

use super::disk::symlinks;
use super::fleet::Fleet;
use super::machine::{Machine, Milestone, Phase, Reach};
use super::services::{services, unmet};
use super::spec::DiskSpec;
use crate::rehearse::span::mix;

/// A resource's name and spec.
pub(super) type Entry = (String, Value);

/// Returns all resources of a type; `None` when nobody may know it.
pub(super) fn list(fleet: &Fleet, machine: &Machine, kind: &str) -> Option<Vec<Entry>> {
    let one = |id: &str, spec: Value| vec![(id.to_owned(), spec)];
    Some(match kind {
        "MachineStatuses.runtime.talos.dev" => one("machine", machine_status(fleet, machine)),
        "Versions.runtime.talos.dev" => one(
            "version",
            json!({"name": "Talos", "version": machine.spec().version.to_string()}),
        ),
        "SystemInformations.hardware.talos.dev" => one(
            "systeminformation",
            json!({"manufacturer": "homelab", "productName": "Simulated machine",
                   "uuid": machine.spec().uuid}),
        ),
        "MemoryModules.hardware.talos.dev" => one(
            "dimm-0",
            json!({"size": machine.spec().memory, "deviceLocator": "DIMM 0"}),
        ),
        "Processors.hardware.talos.dev" => one("cpu-0", processor(machine.spec().arch)),
        "HostnameStatuses.net.talos.dev" => one(
            "hostname",
            json!({"hostname": machine.hostname(), "domainname": ""}),
        ),
        "LinkStatuses.net.talos.dev" => links(machine),
        "AddressStatuses.net.talos.dev" => addresses(fleet, machine),
        "RouteStatuses.net.talos.dev" => routes(machine),
        "ResolverStatuses.net.talos.dev" => one(
            "resolvers",
            json!({"dnsServers": machine.spec().nameservers}),
        ),
        "TimeStatuses.v1alpha1.talos.dev" => {
            let synced = (machine.is_in_maintenance() && !machine.ails.clock_is_off)
                || machine.has(Milestone::TimeSync);
            one(
                "node",
                json!({"synced": synced, "epoch": 0, "syncDisabled": false}),
            )
        }
        "Services.v1alpha1.talos.dev" => service_states(fleet, machine),
        "Disks.block.talos.dev" => machine.disks().iter().map(disk).collect(),
        "SystemDisks.block.talos.dev" => system_disk(machine),
        "DiscoveredVolumes.block.talos.dev" if machine.ails.unread_disks => Vec::new(),
        "DiscoveredVolumes.block.talos.dev" => machine.disks().iter().flat_map(volumes).collect(),
        "Members.cluster.talos.dev" => members(fleet, machine),
        "Identities.cluster.talos.dev" => one("local", json!({"nodeId": node_id(machine)})),
        "MetaKeys.runtime.talos.dev" => Vec::new(),
        "MachineConfigs.config.talos.dev" => machine
            .config()
            .filter(|_| !machine.is_in_maintenance())
            .map(|config| ("v1alpha1".to_owned(), Value::from(config.text())))
            .into_iter()
            .collect(),
        "EtcdMembers.etcd.talos.dev" => etcd_member(fleet, machine),
        _ => return None,
    })
}

fn machine_status(fleet: &Fleet, machine: &Machine) -> Value {
    let unmet: Vec<Value> = unmet(machine, fleet.etcd())
        .into_iter()
        .map(|(name, reason)| json!({"name": name, "reason": reason}))
        .collect();
    let stage = machine.stage().unwrap_or_default();
    json!({
        "stage": stage.as_str(),
        "status": {"ready": unmet.is_empty(), "unmetConditions": unmet},
    })
}

fn processor(arch: Arch) -> Value {
    let product = match arch {
        Arch::Amd64 => "Simulated x86-64 processor",
        Arch::Arm64 => "Simulated ARMv8 processor",
    };
    json!({"productName": product, "coreCount": 4, "threadCount": 4})
}

fn links(machine: &Machine) -> Vec<Entry> {
    let mac = machine.spec().mac.to_string();
    let card = json!({
        "index": 2, "type": "ether", "linkIndex": 0, "hardwareAddr": mac, "permanentAddr": mac,
        "mtu": 1500, "operationalState": "up", "kind": "", "driver": "simulated",
        "linkState": true, "speedMbit": 1000, "port": "TwistedPair", "duplex": "Full",
    });
    let loopback = json!({
        "index": 1, "type": "loopback", "linkIndex": 0, "hardwareAddr": "00:00:00:00:00:00",
        "mtu": 65536, "operationalState": "unknown", "kind": "", "linkState": true,
    });
    vec![
        (machine.spec().link.clone(), card),
        ("lo".to_owned(), loopback),
    ]
}

/// Its own address, and the virtual IP, which has no network of its own.
fn addresses(fleet: &Fleet, machine: &Machine) -> Vec<Entry> {
    let spec = machine.spec();
    let own = (spec.address, spec.prefix_len);
    let vip = fleet
        .vip_of(&spec.name)
        .map(|address| (address, if address.is_ipv4() { 32 } else { 128 }));
    std::iter::once(own)
        .chain(vip)
        .map(|(address, length)| {
            let family = if address.is_ipv4() { "inet4" } else { "inet6" };
            let address = format!("{address}/{length}");
            let value = json!({
                "address": address, "linkIndex": 2, "linkName": spec.link, "family": family,
                "scope": "global", "flags": "permanent", "priority": 1024,
            });
            (format!("{}/{address}", spec.link), value)
        })
        .collect()
}

fn routes(machine: &Machine) -> Vec<Entry> {
    let spec = machine.spec();
    let route = spec.gateway.map(|gateway| {
        let family = if gateway.is_ipv4() { "inet4" } else { "inet6" };
        let value = json!({
            "family": family, "dst": "", "src": "", "gateway": gateway, "outLinkName": spec.link,
            "table": "main", "priority": 1024,
        });
        (format!("{family}/{gateway}//1024"), value)
    });
    route.into_iter().collect()
}

fn service_states(fleet: &Fleet, machine: &Machine) -> Vec<Entry> {
    services(machine, fleet.etcd())
        .into_iter()
        .map(|service| {
            let spec = json!({
                "running": service.state == "Running",
                "healthy": service.healthy.unwrap_or(false),
                "unknown": service.healthy.is_none(),
            });
            (service.id.to_owned(), spec)
        })
        .collect()
}

fn disk(disk: &DiskSpec) -> Entry {
    let spec = json!({
        "dev_path": disk.path(), "size": disk.size, "pretty_size": pretty(disk.size),
        "io_size": 512, "sector_size": 512, "readonly": false, "cdrom": false,
        "model": disk.model, "serial": disk.serial, "wwid": disk.wwid,
        "transport": disk.transport, "symlinks": symlinks(disk),
    });
    (disk.id.clone(), spec)
}

fn system_disk(machine: &Machine) -> Vec<Entry> {
    let installed = machine
        .installed()
        .filter(|_| !machine.is_in_maintenance())
        .map(|installed| {
            let spec = json!({
                "diskID": installed.disk, "devPath": format!("/dev/{}", installed.disk),
            });
            ("system-disk".to_owned(), spec)
        });
    installed.into_iter().collect()
}

/// The disk itself, with `gpt` when it is partitioned, and its partitions.
fn volumes(disk: &DiskSpec) -> Vec<Entry> {
    let table = if disk.holds.is_empty() { "" } else { "gpt" };
    let whole = json!({
        "dev_path": disk.path(), "type": "disk", "device_path": "", "offset": 0,
        "size": disk.size, "pretty_size": pretty(disk.size), "name": table,
    });
    let is_numbered = disk.id.ends_with(|c: char| c.is_ascii_digit());
    let separator = if is_numbered { "p" } else { "" };
    let partitions = (1..).zip(&disk.holds).map(|(number, holding)| {
        let id = format!("{}{separator}{number}", disk.id);
        let spec = json!({
            "dev_path": format!("/dev/{id}"), "type": "partition", "parent": disk.id,
            "parent_dev_path": disk.path(), "size": holding.size,
            "pretty_size": pretty(holding.size), "name": holding.kind, "label": holding.label,
            "partition_label": holding.label, "partition_index": number,
        });
        (id, spec)
    });
    std::iter::once((disk.id.clone(), whole))
        .chain(partitions)
        .collect()
}

/// The machines that discovery shows, this one among them.
fn members(fleet: &Fleet, machine: &Machine) -> Vec<Entry> {
    let Some(own) = machine.config().filter(|config| config.has_discovery()) else {
        return Vec::new();
    };
    let cluster = own.text_at("/cluster/id");
    fleet
        .machines()
        .iter()
        .filter(|other| other.phase() == Phase::Up && other.reach() == Reach::Listening)
        .filter_map(|other| Some((other, other.config()?)))
        .filter(|(_, config)| config.has_discovery() && config.text_at("/cluster/id") == cluster)
        .map(|(other, config)| {
            let kind = config.text_at("/machine/type").unwrap_or("worker");
            let spec = json!({
                "nodeId": node_id(other), "addresses": [other.address().to_string()],
                "hostname": other.hostname(), "machineType": kind,
                "operatingSystem": format!("Talos ({})", other.spec().version),
            });
            (other.hostname(), spec)
        })
        .collect()
}

fn etcd_member(fleet: &Fleet, machine: &Machine) -> Vec<Entry> {
    let cluster = machine
        .etcd_index()
        .filter(|_| machine.has(Milestone::Etcd))
        .map(|index| fleet.etcd().cluster(index));
    let members = cluster.map(|cluster| cluster.members.iter().rev());
    let own = members
        .into_iter()
        .flatten()
        .find(|member| member.node == machine.spec().name);
    own.map(|member| {
        let spec = Map::from_iter([("memberID".to_owned(), format!("{:016x}", member.id).into())]);
        ("local".to_owned(), Value::Object(spec))
    })
    .into_iter()
    .collect()
}

fn node_id(machine: &Machine) -> String {
    let uuid = &machine.spec().uuid;
    format!("{:016x}{:016x}", mix(7, uuid), mix(8, uuid))
}

/// Writes a size as Talos does, in decimal units.
fn pretty(size: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    let unit = UNITS.iter().find(|(factor, _)| size >= *factor);
    let Some((factor, name)) = unit else {
        return format!("{size} B");
    };
    let whole = size / factor;
    if whole >= 10 {
        return format!("{whole} {name}");
    }
    format!("{whole}.{} {name}", size % factor * 10 / factor)
}
