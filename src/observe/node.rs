//! One machine: who it is, what it is made of, how far it is.

use std::net::IpAddr;

use jiff::Timestamp;
use talos_api::resources::{HostnameStatus, MachineStatus, Stage};
use talos_api::{Client, Error};

use super::{etcd, hardware, pending};
use crate::plan::{EtcdSigns, Hardware, NodeState, Running};
use crate::render::reference::Joined;
use crate::spec::cluster::{Node, Role};
use crate::talos::{Met, Talos, error_text};

/// How much is asked.
#[derive(Clone, Copy)]
pub enum Depth<'a> {
    /// Who it is and its stage. It is not asked about etcd: that it shows as absent says nothing.
    Identity,
    /// How far its own etcd is too.
    Progress,
    /// Every sign of etcd, also what others tell it: that takes a while where there is none.
    Signs,
    /// Hardware too, and what this configuration would change.
    Full(Option<&'a Joined>),
}

/// Looks at the machine of a node.
pub async fn node(talos: &Talos, node: &Node, depth: Depth<'_>) -> NodeState {
    look(talos, node.address, node.role, depth).await
}

/// Looks at whatever machine has an address; of etcd nothing is asked.
pub async fn machine(talos: &Talos, address: IpAddr, depth: Depth<'_>) -> NodeState {
    look(talos, address, Role::Worker, depth).await
}

async fn look(talos: &Talos, address: IpAddr, role: Role, depth: Depth<'_>) -> NodeState {
    match talos.meet(address).await {
        Met::Silent(reason) => NodeState::Unreachable { reason },
        Met::Foreign(identity) => NodeState::Foreign { identity },
        Met::Maintenance(client) => in_maintenance(talos, &client, depth).await,
        Met::Ours(client) => match running(talos, &client, role, depth).await {
            Ok(running) => NodeState::Ours(running),
            Err(reason) => NodeState::Unreachable { reason },
        },
    }
}

/// A machine that took its configuration a moment ago still answers, but waits for nothing.
async fn in_maintenance(talos: &Talos, client: &Client, depth: Depth<'_>) -> NodeState {
    let stage = match client.singleton::<MachineStatus>().await {
        Ok(status) => status.unwrap_or_default().stage,
        Err(error @ (Error::Lost { .. } | Error::Deadline { .. })) => {
            return NodeState::Unreachable {
                reason: error_text(&error),
            };
        }
        Err(_) => Stage::Unknown,
    };
    if !matches!(stage, Stage::Maintenance | Stage::Unknown) {
        return NodeState::Unreachable {
            reason: format!("it has a configuration and is {stage}"),
        };
    }
    NodeState::Maintenance {
        fingerprint: client.peer().fingerprint.to_string(),
        hardware: look_at_hardware(talos, client, depth).await,
    }
}

async fn look_at_hardware(talos: &Talos, client: &Client, depth: Depth<'_>) -> Hardware {
    match depth {
        Depth::Full(_) => Box::pin(hardware::hardware(talos, client)).await,
        Depth::Identity | Depth::Progress | Depth::Signs => Hardware::default(),
    }
}

async fn running(
    talos: &Talos,
    client: &Client,
    role: Role,
    depth: Depth<'_>,
) -> Result<Running, String> {
    let hostname = client
        .singleton::<HostnameStatus>()
        .await
        .map_err(|error| error_text(&error))?
        .unwrap_or_default();
    let status = client
        .singleton::<MachineStatus>()
        .await
        .map_err(|error| error_text(&error))?
        .unwrap_or_default();
    let etcd = match (role, depth) {
        (Role::Worker, _) | (_, Depth::Identity) => EtcdSigns::Absent,
        (Role::ControlPlane, Depth::Progress) => etcd::own(client).await?,
        (Role::ControlPlane, Depth::Signs | Depth::Full(_)) => etcd::signs(client).await?,
    };
    let hardware = look_at_hardware(talos, client, depth).await;
    let pending = match depth {
        Depth::Full(Some(configuration)) => {
            pending::pending(client, configuration, hardware.version.as_ref()).await
        }
        _ => None,
    };
    Ok(Running {
        hostname: hostname.hostname,
        stage: status.stage.to_string(),
        unmet: status
            .status
            .unmet_conditions
            .into_iter()
            .map(|condition| format!("{}: {}", condition.name, condition.reason))
            .collect(),
        hardware,
        etcd,
        certificate: Timestamp::from_second(client.peer().not_after).ok(),
        pending,
    })
}
