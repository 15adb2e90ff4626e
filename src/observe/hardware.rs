//! What a machine is made of, as far as its release and mode let it tell.

use std::net::IpAddr;
use std::time::Duration;

use talos_api::Client;
use talos_api::resources::{
    AddressStatus, DiscoveredVolume, Disk, LinkStatus, MemoryModule, OsVersion, ResolverStatus,
    RouteStatus, SystemInformation, TimeStatus,
};

use crate::plan;
use crate::talos::Talos;

/// A machine without a time server must not hold everything up.
const CLOCK_DEADLINE: Duration = Duration::from_secs(2);

/// Asks for the version, which tells how to read the rest, then for everything at once; what is not
/// answered stays unknown.
pub(super) async fn hardware(talos: &Talos, client: &Client) -> plan::Hardware {
    let version = client.version().await.ok();
    let container = version
        .as_ref()
        .is_some_and(|version| version.mode == "container");
    let (os, disks, volumes, system, memory, time, offset, network) = futures::join!(
        client.singleton::<OsVersion>(),
        client.list::<Disk>(),
        client.list::<DiscoveredVolume>(),
        client.singleton::<SystemInformation>(),
        client.list::<MemoryModule>(),
        client.singleton::<TimeStatus>(),
        clock_offset(talos, client),
        network(client, container),
    );
    // Releases up to 1.12 tell their version in maintenance mode only as a resource.
    let tag = os
        .ok()
        .flatten()
        .map(|os| os.version)
        .filter(|tag| !tag.is_empty())
        .or_else(|| version.as_ref().map(|version| version.tag.clone()));
    let volumes: Vec<_> = volumes.unwrap_or_default();
    let memory: u64 = memory
        .unwrap_or_default()
        .iter()
        .map(|module| module.spec.size)
        .sum();
    plan::Hardware {
        version: tag.and_then(|tag| tag.parse().ok()),
        arch: version
            .map(|version| version.arch)
            .filter(|arch| !arch.is_empty()),
        platform: if container {
            plan::Platform::Container
        } else {
            plan::Platform::Metal
        },
        memory: (memory > 0).then_some(memory),
        uuid: system
            .ok()
            .flatten()
            .map(|system| system.uuid)
            .filter(|uuid| !uuid.is_empty()),
        disks: disks
            .unwrap_or_default()
            .into_iter()
            .map(|disk| {
                let holds = holds(&disk.id, &volumes);
                described(disk.spec, holds)
            })
            .collect(),
        links: network.links,
        addresses: network.addresses,
        gateways: network.gateways,
        resolvers: network.resolvers,
        time_synced: time
            .ok()
            .flatten()
            .map(|time| time.synced || time.sync_disabled),
        clock_offset: offset,
    }
}

/// By how many seconds the machine's clock is ahead of this computer's. A machine whose time server
/// does not answer, or of a release that does not tell in maintenance mode, leaves it open.
async fn clock_offset(talos: &Talos, client: &Client) -> Option<i64> {
    let asked = talos.now();
    let told = client
        .with_deadline(CLOCK_DEADLINE)
        .wall_clock()
        .await
        .ok()?;
    let answered = talos.now();
    // Between question and answer it was right for a moment.
    let (before, after) = (
        told.local - answered.as_second(),
        told.local - asked.as_second(),
    );
    Some(if before.signum() == after.signum() {
        before
    } else {
        0
    })
}

/// What a machine tells of its network.
struct Network {
    links: Vec<plan::Link>,
    addresses: Vec<plan::Address>,
    gateways: Vec<IpAddr>,
    resolvers: Vec<IpAddr>,
}

async fn network(client: &Client, container: bool) -> Network {
    // A container's card is one end of a pair.
    let is_card = |kind: &str| kind.is_empty() || (container && kind == "veth");
    let (links, addresses, routes, resolvers) = futures::join!(
        client.list::<LinkStatus>(),
        client.list::<AddressStatus>(),
        client.list::<RouteStatus>(),
        client.singleton::<ResolverStatus>(),
    );
    let links = links.unwrap_or_default().into_iter();
    let addresses = addresses.unwrap_or_default().into_iter();
    let mut gateways: Vec<IpAddr> = routes
        .unwrap_or_default()
        .iter()
        .filter(|route| matches!(route.spec.dst.as_str(), "" | "0.0.0.0/0" | "::/0"))
        .filter_map(|route| route.spec.gateway.parse().ok())
        .collect();
    gateways.sort();
    gateways.dedup();
    let resolvers = resolvers.ok().flatten().unwrap_or_default();
    Network {
        links: links
            .filter(|link| link.spec.link_type == "ether" && is_card(&link.spec.kind))
            .map(|link| plan::Link {
                mac: link.spec.hardware_addr.parse().ok(),
                up: link.spec.link_state,
                name: link.id,
            })
            .collect(),
        addresses: addresses
            .filter(|address| address.spec.scope == "global")
            .filter_map(|address| {
                Some(plan::Address {
                    network: address.spec.address.parse().ok()?,
                    link: address.spec.link_name,
                })
            })
            .collect(),
        gateways,
        resolvers: resolvers
            .dns_servers
            .iter()
            .filter_map(|server| server.parse().ok())
            .collect(),
    }
}

fn described(disk: Disk, holds: Vec<String>) -> plan::Disk {
    plan::Disk {
        path: disk.dev_path,
        serial: disk.serial,
        wwid: disk.wwid,
        size: disk.size,
        model: disk.model,
        transport: disk.transport,
        bus_path: disk.bus_path,
        rotational: disk.rotational,
        symlinks: disk.symlinks,
        readonly: disk.readonly,
        cdrom: disk.cdrom,
        holds,
    }
}

/// Partitions, and a file system or volume that lies on the bare disk. An empty partition table
/// is nothing; a disk that Talos has not looked at, or cannot read, is missing from the list
/// (`block.DiscoveryController`) and may hold anything.
fn holds(disk: &str, volumes: &[talos_api::Resource<DiscoveredVolume>]) -> Vec<String> {
    let is_known = volumes.iter().any(|volume| volume.id == disk);
    if !is_known {
        return vec!["what the machine does not tell".to_owned()];
    }
    volumes
        .iter()
        .filter_map(|volume| {
            let spec = &volume.spec;
            let on_disk = volume.id == disk && !matches!(spec.name.as_str(), "" | "gpt" | "dos");
            if spec.parent == disk {
                let label = [&spec.partition_label, &spec.label, &volume.id]
                    .into_iter()
                    .find(|label| !label.is_empty())?;
                Some(format!(
                    "partition `{label}`{}",
                    content(&spec.name, &spec.pretty_size)
                ))
            } else if on_disk {
                Some(format!("{} on the whole disk", spec.name))
            } else {
                None
            }
        })
        .collect()
}

fn content(file_system: &str, size: &str) -> String {
    let parts: Vec<_> = [file_system, size]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use talos_api::Resource;

    use super::*;

    fn volume(id: &str, parent: &str, name: &str, label: &str) -> Resource<DiscoveredVolume> {
        Resource {
            id: id.to_owned(),
            version: "1".to_owned(),
            spec: DiscoveredVolume {
                parent: parent.to_owned(),
                name: name.to_owned(),
                partition_label: label.to_owned(),
                pretty_size: "10 GB".to_owned(),
                ..DiscoveredVolume::default()
            },
        }
    }

    #[test]
    fn partitions_and_bare_file_systems_count_and_an_empty_table_does_not() {
        let volumes = [
            volume("sda", "", "gpt", ""),
            volume("sda1", "sda", "xfs", "EPHEMERAL"),
            volume("sda2", "sda", "", ""),
            volume("sdb", "", "gpt", ""),
            volume("sdc", "", "zfs", ""),
        ];
        assert_eq!(
            holds("sda", &volumes),
            [
                "partition `EPHEMERAL` (xfs, 10 GB)",
                "partition `sda2` (10 GB)"
            ]
        );
        assert!(holds("sdb", &volumes).is_empty());
        assert_eq!(holds("sdd", &volumes), ["what the machine does not tell"]);
        assert_eq!(holds("sdc", &volumes), ["zfs on the whole disk"]);
    }
}
