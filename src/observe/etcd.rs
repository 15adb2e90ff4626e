//! Signs of etcd on one control plane.

use std::time::Duration;

use talos_api::{Client, Error, EtcdMember};
use tokio::time::Instant;

use crate::plan::{EtcdSigns, LEARNER};
use crate::talos::error_text;

/// An etcd that runs may be slow.
const MEMBERS: Duration = Duration::from_secs(4);
/// One elsewhere answers within milliseconds; where there is none, the call never returns, and every
/// first bootstrap waits this long.
const ELSEWHERE: Duration = Duration::from_secs(3);
/// Where Talos keeps etcd's data; it refuses a bootstrap itself where this is not empty.
const DATA: &str = "/var/lib/etcd";

/// Asks a control plane for everything that it knows of etcd; `Err` when it fell silent meanwhile.
pub(crate) async fn signs(client: &Client) -> Result<EtcdSigns, String> {
    let before = own(client).await?;
    if !matches!(before, EtcdSigns::Absent | EtcdSigns::Waiting) {
        return Ok(before);
    }
    // What it could join is a sign too: a control plane may be missing from the spec.
    let later = Instant::now() + ELSEWHERE;
    let members = named(client.with_deadline(ELSEWHERE).etcd_members_found().await);
    if !members.is_empty() {
        return Ok(EtcdSigns::Alive {
            healthy: false,
            members,
        });
    }
    // It gets that time to show more, also where the call failed at once.
    tokio::time::sleep_until(later).await;
    own(client).await
}

/// Asks a control plane for its own etcd; `Err` when it fell silent meanwhile.
pub(crate) async fn own(client: &Client) -> Result<EtcdSigns, String> {
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
    match etcd.state.as_str() {
        // Its disk's volumes may not be there yet: nobody can tell what they hold.
        "Initialized" | "Waiting" | "Unknown" | "" => Ok(EtcdSigns::Absent),
        "Preparing" => prepared(client).await,
        // Only its own member tells which cluster it belongs to.
        "Running" => Ok(EtcdSigns::Alive {
            healthy: etcd.healthy == Some(true),
            members: named(client.with_deadline(MEMBERS).etcd_members().await),
        }),
        // Any other state means that data exists or is being made.
        _ => Ok(EtcdSigns::Alive {
            healthy: false,
            members: Vec::new(),
        }),
    }
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

/// The members' names in order; none where nobody answers.
fn named(members: Result<Vec<EtcdMember>, Error>) -> Vec<String> {
    let mut names: Vec<_> = members
        .unwrap_or_default()
        .into_iter()
        .map(|member| {
            if member.learner {
                format!("{}{LEARNER}", member.hostname)
            } else {
                member.hostname
            }
        })
        .collect();
    names.sort();
    names
}
