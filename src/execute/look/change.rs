//! Conditions of a change to a machine that runs.

use super::super::run::Run;
use super::{Acted, Look, Readiness};
use crate::model::NodeName;
use crate::observe::{self, Depth};
use crate::plan::{EtcdSigns, Fence, NodeState, Refusal, Running};

impl Run {
    /// The cluster can do without this machine right now, and nobody else changes it.
    pub(super) async fn spared(
        &self,
        name: &NodeName,
        voters: &[NodeName],
        restarts: bool,
    ) -> Look {
        match self.holds_lease().await {
            Look::Holds => {}
            other => return other,
        }
        match self.look_at(name, Depth::Identity).await {
            NodeState::Ours(running) if running.hostname == name.as_str() => {}
            NodeState::Ours(running) => {
                return Look::Broken(format!("it calls itself `{}`", running.hostname));
            }
            other => return super::machines::silent_or_foreign(name, &other),
        }
        let others: Vec<NodeName> = voters.iter().filter(|it| *it != name).cloned().collect();
        if !restarts || others.is_empty() {
            return Look::Holds;
        }
        let states = self.look_at_all(&others, Depth::Progress).await;
        // A machine that is about to restart takes its healthy voter along.
        let is_healthy = |state: &NodeState| {
            matches!(
                state,
                NodeState::Ours(Running {
                    etcd: EtcdSigns::Alive { healthy: true, .. },
                    stage,
                    ..
                }) if matches!(stage.as_str(), "booting" | "running")
            )
        };
        let left = states.values().filter(|state| is_healthy(state)).count();
        let quorum = voters.len() / 2 + 1;
        if left >= quorum {
            Look::Holds
        } else {
            Look::Not(format!(
                "without `{name}` only {left} of {} voters are healthy, etcd needs {quorum}",
                voters.len()
            ))
        }
    }

    /// The machine runs the planned configuration, and everything is as well as before.
    ///
    /// What a change sets in motion shows only after a moment, so that one good look is not enough.
    pub(super) async fn settled(&self, name: &NodeName, voters: &[NodeName], acted: Acted) -> Look {
        let look = self.is_settled(name, voters).await;
        let was_settled = self.note_settled(name, look == Look::Holds);
        match look {
            Look::Holds if acted != Acted::No && !was_settled => {
                Look::Not("all is well; looking once more".to_owned())
            }
            look => look,
        }
    }

    async fn is_settled(&self, name: &NodeName, voters: &[NodeName]) -> Look {
        let configuration = self.secrets.configurations.get(name);
        let depth = Depth::Full(configuration);
        let running = match observe::node(&self.talos, self.node(name), depth).await {
            NodeState::Ours(running) => running,
            NodeState::Maintenance { .. } => {
                return Look::Refused(Box::new(
                    Refusal::new(
                        Fence::NotBootstrapped,
                        format!("`{name}` has lost its configuration"),
                        "look at its console: it started from its boot medium, or its disk is gone",
                    )
                    .on(name),
                ));
            }
            other => return super::machines::silent_or_foreign(name, &other),
        };
        if let Some(pending) = &running.pending {
            return Look::Not(format!("`{name}` is {}: {pending}", running.stage));
        }
        if running.stage != "running" || !running.unmet.is_empty() {
            let unmet = running.unmet.join(", ");
            return Look::Not(format!("`{name}` is {} ({unmet})", running.stage));
        }
        if !voters.is_empty() {
            let look = self.etcd_complete(voters).await;
            if look != Look::Holds {
                return look;
            }
        }
        self.nodes(std::slice::from_ref(name), Readiness::Ready)
            .await
    }
}
