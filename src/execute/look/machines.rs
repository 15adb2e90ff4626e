//! Conditions of machines and etcd.

use std::collections::BTreeSet;

use super::super::run::Run;
use super::{Acted, Look};
use crate::model::NodeName;
use crate::observe::{self, Depth};
use crate::plan::fence::{self, Verdict};
use crate::plan::{EtcdSigns, Fence, NodeState, Refusal, Running};

impl Run {
    pub(super) async fn in_maintenance(&self, name: &NodeName, fingerprint: &str) -> Look {
        match self.look_at(name, Depth::Identity).await {
            NodeState::Maintenance {
                fingerprint: shown, ..
            } if shown == fingerprint => Look::Holds,
            NodeState::Maintenance { .. } => Look::Broken(
                "the machine shows another certificate than when it was looked at: it has restarted; run the command again".to_owned(),
            ),
            NodeState::Ours(_) => Look::Overtaken("it has its configuration already".to_owned()),
            other => silent_or_foreign(name, &other),
        }
    }

    pub(super) async fn took_configuration(&self, name: &NodeName, acted: Acted) -> Look {
        match self.look_at(name, Depth::Identity).await {
            NodeState::Ours(_) => Look::Holds,
            NodeState::Unreachable { reason } => match acted {
                Acted::No => Look::Not(reason),
                Acted::Perhaps | Acted::Yes => Look::Holds,
            },
            NodeState::Maintenance { .. } => Look::Not("still in maintenance mode".to_owned()),
            other @ NodeState::Foreign { .. } => silent_or_foreign(name, &other),
        }
    }

    pub(super) async fn has_identity(&self, name: &NodeName) -> Look {
        match self.look_at(name, Depth::Identity).await {
            NodeState::Ours(running) if running.hostname == name.as_str() => Look::Holds,
            NodeState::Ours(running) => Look::Not(format!(
                "it answers as `{}` ({})",
                running.hostname, running.stage
            )),
            NodeState::Maintenance { .. } if self.is_news(name) => Look::Appeared,
            NodeState::Maintenance { .. } => Look::Not("still in maintenance mode".to_owned()),
            other => silent_or_foreign(name, &other),
        }
    }

    pub(super) async fn configured(&self, name: &NodeName) -> Look {
        let configuration = self.secrets.configurations.get(name);
        let depth = Depth::Full(configuration);
        match observe::node(&self.talos, self.node(name), depth).await {
            NodeState::Ours(Running { pending: None, .. }) => Look::Holds,
            NodeState::Ours(Running {
                pending: Some(pending),
                ..
            }) => Look::Not(pending.to_string()),
            NodeState::Maintenance { .. } => Look::Not("in maintenance mode".to_owned()),
            other => silent_or_foreign(name, &other),
        }
    }

    /// One calm look is not enough: a control plane that starts shows no sign for a moment. So a
    /// second one follows that goes through every sign and takes its time.
    pub(super) async fn no_etcd(&self, names: &[NodeName]) -> Look {
        let mut states = self.look_at_all(names, Depth::Progress).await;
        if fence::judge(&states) == Verdict::Never {
            states = self.look_at_all(names, Depth::Signs).await;
        }
        match fence::judge(&states) {
            Verdict::Never if states.values().any(is_in_maintenance) => {
                Look::Not("a control plane is in maintenance mode again".to_owned())
            }
            Verdict::Never => Look::Holds,
            Verdict::Exists { members } => {
                let members: Vec<_> = members.into_iter().collect();
                Look::Overtaken(match members.as_slice() {
                    [] => "etcd exists already".to_owned(),
                    known => format!("etcd exists already, members: {}", known.join(", ")),
                })
            }
            Verdict::Refused(refusal) => Look::Refused(Box::new(refusal)),
            Verdict::NotYet(undecided) => {
                let seen: Vec<_> = undecided
                    .iter()
                    .map(|name| format!("`{name}` {}", in_words(states.get(name))))
                    .collect();
                Look::Not(seen.join("; "))
            }
        }
    }

    /// Says which control plane kept etcd from being bootstrapped, when one is silent.
    pub(in crate::execute) async fn silent_among(&self, names: &[NodeName]) -> Vec<Refusal> {
        let states = self.look_at_all(names, Depth::Identity).await;
        states
            .iter()
            .filter_map(|(name, state)| match state {
                NodeState::Unreachable { reason } => {
                    Some(fence::silent_control_plane(name, reason))
                }
                _ => None,
            })
            .collect()
    }

    pub(super) async fn etcd_healthy(&self, name: &NodeName) -> Look {
        let state = self.look_at(name, Depth::Progress).await;
        match &state {
            NodeState::Ours(Running {
                etcd: EtcdSigns::Alive { healthy: true, .. },
                ..
            }) => Look::Holds,
            other => Look::Not(format!("`{name}` {}", in_words(Some(other)))),
        }
    }

    pub(super) async fn etcd_complete(&self, names: &[NodeName]) -> Look {
        let states = self.look_at_all(names, Depth::Progress).await;
        if let Verdict::Refused(refusal) = fence::judge(&states) {
            return Look::Refused(Box::new(refusal));
        }
        let wanted: BTreeSet<&str> = names.iter().map(NodeName::as_str).collect();
        for (name, state) in &states {
            let NodeState::Ours(Running {
                etcd: EtcdSigns::Alive { healthy, members },
                ..
            }) = state
            else {
                return Look::Not(format!("`{name}` {}", in_words(Some(state))));
            };
            let members: BTreeSet<&str> = members.iter().map(String::as_str).collect();
            if !wanted.is_subset(&members) {
                let seen: Vec<_> = members.into_iter().collect();
                return Look::Not(match seen.as_slice() {
                    // Nobody asks a learner for its members.
                    [] => format!("`{name}` does not tell its members yet"),
                    seen => format!("`{name}` knows the members {}", seen.join(", ")),
                });
            }
            if !healthy {
                return Look::Not(format!("etcd of `{name}` is not healthy yet"));
            }
        }
        Look::Holds
    }
}

fn is_in_maintenance(state: &NodeState) -> bool {
    matches!(state, NodeState::Maintenance { .. })
}

pub(super) fn silent_or_foreign(name: &NodeName, state: &NodeState) -> Look {
    match state {
        NodeState::Foreign { identity } => Look::Refused(Box::new(
            Refusal::new(
                Fence::ForeignIdentity,
                format!("`{name}` answers with other secrets than this bundle's: {identity}"),
                "find out first whose it is: `homelab doctor` says how, and how it would join this cluster",
            )
            .on(name),
        )),
        other => Look::Not(in_words(Some(other))),
    }
}

fn in_words(state: Option<&NodeState>) -> String {
    match state {
        None => "was not asked".to_owned(),
        Some(NodeState::Unreachable { reason }) => format!("does not answer: {reason}"),
        Some(NodeState::Maintenance { .. }) => "is in maintenance mode".to_owned(),
        Some(NodeState::Foreign { .. }) => "runs with other secrets".to_owned(),
        Some(NodeState::Ours(running)) => {
            let etcd = match &running.etcd {
                EtcdSigns::Absent => "etcd not started".to_owned(),
                EtcdSigns::Waiting => "etcd waits".to_owned(),
                EtcdSigns::Alive { healthy: true, .. } => "etcd healthy".to_owned(),
                EtcdSigns::Alive { .. } => "etcd not healthy yet".to_owned(),
                EtcdSigns::Unclear { reason } => format!("etcd unclear: {reason}"),
            };
            let unmet = running.unmet.first();
            let unmet = unmet.map(|unmet| format!(", {unmet}")).unwrap_or_default();
            format!("is {}, {etcd}{unmet}", running.stage)
        }
    }
}
