//! One machine: who it is, what it is made of, how far it is.

use talos_api::resources::{HostnameStatus, MachineStatus, Stage};
use talos_api::{ApplyMode, Client, DryRun, Error};

use super::{etcd, hardware};
use crate::model::Secret;
use crate::plan::{EtcdSigns, Hardware, NodeState, Running};
use crate::spec::cluster::{Node, Role};
use crate::talos::{Met, Talos, error_text};

/// How much is asked.
#[derive(Clone, Copy)]
pub enum Depth<'a> {
    /// Identity, stage and etcd: what changes while a run goes on.
    Progress,
    /// Hardware too, and what this configuration would change.
    Full(Option<&'a Secret<String>>),
}

/// Looks at one machine.
pub async fn node(talos: &Talos, node: &Node, depth: Depth<'_>) -> NodeState {
    match talos.meet(node.address).await {
        Met::Silent(reason) => NodeState::Unreachable { reason },
        Met::Foreign(identity) => NodeState::Foreign { identity },
        Met::Maintenance(client) => in_maintenance(&client, depth).await,
        Met::Ours(client) => match running(&client, node, depth).await {
            Ok(running) => NodeState::Ours(running),
            Err(reason) => NodeState::Unreachable { reason },
        },
    }
}

/// A machine that took its configuration a moment ago still answers, but waits for nothing.
async fn in_maintenance(client: &Client, depth: Depth<'_>) -> NodeState {
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
        hardware: look_at_hardware(client, depth).await,
    }
}

async fn look_at_hardware(client: &Client, depth: Depth<'_>) -> Hardware {
    match depth {
        Depth::Progress => Hardware::default(),
        Depth::Full(_) => Box::pin(hardware::hardware(client)).await,
    }
}

async fn running(client: &Client, node: &Node, depth: Depth<'_>) -> Result<Running, String> {
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
    let etcd = match node.role {
        Role::ControlPlane => etcd::signs(client).await?,
        Role::Worker => EtcdSigns::Absent,
    };
    let pending = match depth {
        Depth::Full(Some(configuration)) => pending(client, configuration).await,
        Depth::Full(None) | Depth::Progress => None,
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
        hardware: look_at_hardware(client, depth).await,
        etcd,
        pending,
    })
}

/// Lets Talos itself compare: a dry run changes nothing and tells what would change.
///
/// The node's answer quotes the configuration, secrets included, so only the names of the changed
/// fields leave this function.
async fn pending(client: &Client, configuration: &Secret<String>) -> Option<String> {
    let bytes = configuration.expose().as_bytes();
    match client
        .apply_configuration(bytes, ApplyMode::Auto, DryRun::Yes)
        .await
    {
        Ok(applied) => changed_fields(&applied.details),
        // A node that cannot tell now is looked at again by whoever applies.
        Err(_) => None,
    }
}

fn changed_fields(details: &str) -> Option<String> {
    if details.contains("No changes") {
        return None;
    }
    let mut fields: Vec<String> = Vec::new();
    for line in details.lines() {
        let changed = line.strip_prefix('+').or_else(|| line.strip_prefix('-'));
        let Some(field) = changed.and_then(|rest| rest.trim_start().split_once(':')) else {
            continue;
        };
        let name = field.0.trim_start_matches("- ");
        let plain = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if plain && !name.is_empty() && !fields.iter().any(|known| known == name) {
            fields.push(name.to_owned());
        }
    }
    (!fields.is_empty()).then(|| {
        let quoted: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
        format!("changes in {}", quoted.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_changed_fields_and_no_value() {
        let details = "Dry run summary:\nApplied configuration without a reboot (skipped in dry-run).\n\
            Config diff:\n\n--- a\n+++ b\n@@ -1,4 +1,4 @@\n machine:\n-  token: planted-secret\n+  token: other-secret\n\
            +    - name: eth0\n";
        assert_eq!(
            changed_fields(details).as_deref(),
            Some("changes in `token`, `name`")
        );
        assert_eq!(changed_fields("Config diff:\n\nNo changes."), None);
    }
}
