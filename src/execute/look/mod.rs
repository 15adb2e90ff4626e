//! Whether a condition holds, asked of the world each time.

mod change;
mod gitops;
mod kubernetes;
mod machines;
mod verify;

pub(super) use gitops::owns_release;

use super::run::Run;
use crate::plan::{Condition, ObjectSet, Refusal};

/// What a look at a condition found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    /// It holds.
    Holds,
    /// It does not hold yet; what was seen.
    Not(String),
    /// It can no longer hold because what it guards has already happened.
    Overtaken(String),
    /// It will not hold without a change; why.
    Broken(String),
    /// A fence stands in the way.
    Refused(Box<Refusal>),
    /// A machine waits for its first configuration that the plan knows nothing of: it was silent
    /// when the plan was made.
    Appeared,
}

/// Whether the step's own action has been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acted {
    /// Not yet.
    No,
    /// A reply was lost: perhaps.
    Perhaps,
    /// It has.
    Yes,
}

impl Run {
    /// Looks whether a condition holds now.
    pub(super) async fn look(&self, condition: &Condition, acted: Acted) -> Look {
        match condition {
            Condition::Always => Look::Holds,
            Condition::InMaintenance { node, fingerprint } => {
                self.in_maintenance(node, fingerprint).await
            }
            Condition::TookConfiguration { node } => self.took_configuration(node, acted).await,
            Condition::HasIdentity { node } => self.has_identity(node).await,
            Condition::Configured { node } => self.configured(node).await,
            Condition::Spared {
                node,
                voters,
                restarts,
            } => self.spared(node, voters, *restarts).await,
            Condition::Settled { node, voters } => self.settled(node, voters, acted).await,
            Condition::NoEtcd { nodes } => self.no_etcd(nodes).await,
            Condition::EtcdHealthy { node } => self.etcd_healthy(node).await,
            Condition::EtcdComplete { nodes } => self.etcd_complete(nodes).await,
            Condition::KubeconfigStored => known(self.kubeconfig().is_some()),
            Condition::KubeconfigPublished => known(self.is_published()),
            Condition::LeaseHeld => self.holds_lease().await,
            Condition::ApiReady { node } => self.api_ready(self.node(node).address).await,
            Condition::VipAnswers { address } => self.vip_answers(*address).await,
            Condition::NodesRegistered { nodes } => self.nodes(nodes, Readiness::Any).await,
            Condition::NodesReady { nodes } => self.nodes(nodes, Readiness::Ready).await,
            Condition::Applied { objects } => known(self.is_applied(*objects)),
            Condition::Ready { objects } => self.objects_ready(*objects).await,
            Condition::Reconciled { revision } => self.reconciled(revision.as_deref()).await,
            Condition::ChartRunnerGone => self.chart_runner_gone().await,
            Condition::Verified => self.verified().await,
        }
    }

    async fn objects_ready(&self, objects: ObjectSet) -> Look {
        if !self.is_applied(objects) {
            return Look::Not("not applied yet".to_owned());
        }
        match objects {
            ObjectSet::Charts => self.charts_installed(objects).await,
            ObjectSet::Operator => match self.charts_installed(objects).await {
                Look::Holds => self.operator_ready().await,
                other => other,
            },
            ObjectSet::Instance => self.instance_ready().await,
            ObjectSet::Namespaces | ObjectSet::Secrets => Look::Holds,
        }
    }
}

/// What is asked of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// That they are registered.
    Any,
    /// That they are ready.
    Ready,
}

fn known(holds: bool) -> Look {
    if holds {
        Look::Holds
    } else {
        Look::Not("not done yet".to_owned())
    }
}
