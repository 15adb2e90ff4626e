//! Signs of etcd on one control plane.

use std::time::Duration;

use talos_api::{Client, Error};

use crate::plan::EtcdSigns;
use crate::talos::error_text;

/// On a control plane whose etcd was never started the call never returns.
const MEMBERS_DEADLINE: Duration = Duration::from_secs(4);

/// Asks a control plane; `Err` when it fell silent meanwhile.
pub(super) async fn signs(client: &Client) -> Result<EtcdSigns, String> {
    let services = match client.services().await {
        Ok(services) => services,
        Err(error @ Error::Refused { .. }) => {
            return Ok(EtcdSigns::Unclear {
                reason: error_text(&error),
            });
        }
        Err(error) => return Err(error_text(&error)),
    };
    let Some(etcd) = services.into_iter().find(|service| service.id == "etcd") else {
        return Ok(EtcdSigns::Absent);
    };
    let members = members(client).await;
    // Any state but these means that a data directory exists or is being made.
    let before = matches!(etcd.state.as_str(), "Preparing" | "Waiting");
    Ok(match (etcd.state.as_str(), members) {
        ("Initialized" | "Unknown" | "", None) => EtcdSigns::Absent,
        (_, None) if before => EtcdSigns::Waiting,
        (state, members) => EtcdSigns::Alive {
            healthy: state == "Running" && etcd.healthy == Some(true),
            members: members.unwrap_or_default(),
        },
    })
}

async fn members(client: &Client) -> Option<Vec<String>> {
    let members = client
        .with_deadline(MEMBERS_DEADLINE)
        .etcd_members()
        .await
        .ok()?;
    let mut names: Vec<_> = members
        .into_iter()
        .map(|member| {
            if member.learner {
                format!("{} (learner)", member.hostname)
            } else {
                member.hostname
            }
        })
        .collect();
    names.sort();
    (!names.is_empty()).then_some(names)
}
