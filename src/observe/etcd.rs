//! Signs of etcd on one control plane.

use std::time::Duration;

use talos_api::{Client, Error};

use crate::plan::EtcdSigns;
use crate::talos::error_text;

/// On a control plane whose etcd was never started the call never returns.
const MEMBERS_DEADLINE: Duration = Duration::from_secs(4);
/// Where Talos keeps etcd's data; it refuses a bootstrap itself where this is not empty.
const DATA: &str = "/var/lib/etcd";

/// Asks a control plane; `Err` when it fell silent meanwhile.
pub(crate) async fn signs(client: &Client) -> Result<EtcdSigns, String> {
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
    Ok(match (etcd.state.as_str(), members) {
        // Its disk's volumes may not be there yet: nobody can tell what they hold.
        ("Initialized" | "Waiting" | "Unknown" | "", None) => EtcdSigns::Absent,
        ("Preparing", None) => prepared(client).await?,
        // Any other state means that data exists or is being made.
        (state, members) => EtcdSigns::Alive {
            healthy: state == "Running" && etcd.healthy == Some(true),
            members: members.unwrap_or_default(),
        },
    })
}

/// A member that starts again is `Preparing` for a while, just like a machine that never had etcd,
/// and stays so when it finds no quorum: only its data tells the two apart.
async fn prepared(client: &Client) -> Result<EtcdSigns, String> {
    match client.directory(DATA).await {
        Ok(names) if names.is_empty() => Ok(EtcdSigns::Waiting),
        Ok(_) => Ok(EtcdSigns::Alive {
            healthy: false,
            members: Vec::new(),
        }),
        Err(error @ (Error::Refused { .. } | Error::Malformed { .. })) => Ok(EtcdSigns::Unclear {
            reason: format!("its data cannot be looked at: {}", error_text(&error)),
        }),
        Err(error) => Err(error_text(&error)),
    }
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
