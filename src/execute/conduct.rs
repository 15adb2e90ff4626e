//! A run from the first look to the last: what is decided from a look is the caller's choice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::event::EventKind;
use super::inputs::Inputs;
use super::outcome::{Outcome, RunError};
use super::run::Run;
use super::walk::Ended;
use crate::observe::{self, Depth};
use crate::plan::{
    self, Consents, EtcdSigns, Fence, Git, NodeState, Observed, Plan, Refusal, SecretsState,
    VipProbe, VipState,
};
use crate::spec::Cluster;
use crate::spec::cluster::{GitAuth, GitOps, Node, Role};

/// How often silent machines are asked again before anything is decided: most come back soon or late.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const ASK_RARELY: Duration = Duration::from_secs(15);
/// Until when they are expected soon.
const SOON: Duration = Duration::from_mins(2);

/// What is decided from what was found.
type Decide = fn(&Cluster, &Observed, &Consents) -> Plan;

/// Brings the machines of a cluster up to where Git has taken over, or says why not.
///
/// It may be ended at any moment and called again: everything is looked at anew.
pub async fn bootstrap(inputs: Inputs) -> Result<Outcome, RunError> {
    conduct(inputs, plan::bootstrap).await
}

/// Brings the machines of a cluster that runs to what the spec says, one at a time, or says why not.
///
/// It may be ended at any moment and called again, like a bootstrap.
pub async fn apply(inputs: Inputs) -> Result<Outcome, RunError> {
    conduct(inputs, plan::apply).await
}

async fn conduct(inputs: Inputs, decide: Decide) -> Result<Outcome, RunError> {
    let Some(_lock) = inputs.state.lock()? else {
        return Err(RunError::Locked);
    };
    let Ok(secrets) = inputs.secrets.clone() else {
        return Err(refusal(look_and(&inputs, decide).await.1));
    };
    let run = Run::new(inputs, secrets);
    let result = tokio::select! {
        biased;
        result = run.plan_and_walk(decide) => result,
        lost = run.keep_lease() => Err(lost),
    };
    run.give_lease_back().await;
    result
}

/// Looks once and decides about a bootstrap, without doing anything.
pub async fn plan(inputs: &Inputs) -> Plan {
    look_and(inputs, plan::bootstrap).await.1
}

/// Looks once and decides about a change, without doing anything.
pub async fn plan_change(inputs: &Inputs) -> (Observed, Plan) {
    look_and(inputs, plan::apply).await
}

async fn look_and(inputs: &Inputs, decide: Decide) -> (Observed, Plan) {
    let observed = match &inputs.secrets {
        Ok(secrets) => {
            Run::new(inputs.clone(), Arc::clone(secrets))
                .observe()
                .await
        }
        Err(path) => Observed {
            tree: inputs.tree.clone(),
            secrets: SecretsState::Missing(path.clone()),
            nodes: BTreeMap::new(),
            images: BTreeMap::new(),
            placeholders: inputs.placeholders.clone(),
            git: Git::NoCommit {
                reason: "not asked".to_owned(),
            },
            vip: None,
        },
    };
    let plan = inputs.plan(decide, &observed);
    (observed, plan)
}

impl Inputs {
    fn plan(&self, decide: Decide, observed: &Observed) -> Plan {
        decide(&self.cluster, observed, &self.consents).until(self.until)
    }
}

fn refusal(plan: Plan) -> RunError {
    RunError::Refused {
        refusals: plan.refusals.clone(),
        plan: Some(Box::new(plan)),
    }
}

impl Run {
    /// Plans and walks, anew for each machine that was silent and appears: what is done to it is
    /// looked at and decided like everything else, before it is done.
    async fn plan_and_walk(&self, decide: Decide) -> Result<Outcome, RunError> {
        loop {
            let observed = self.observe_patiently(decide).await;
            let plan = self.inputs.plan(decide, &observed);
            self.emit(
                None,
                EventKind::Planned {
                    plan: Box::new(plan.clone()),
                },
            );
            if !plan.refusals.is_empty() {
                return Err(refusal(plan));
            }
            if let Some(outcome) = self.walk_all(&plan).await? {
                return Ok(outcome);
            }
        }
    }

    /// Looks at everything until every control plane was seen or patience ends. After an
    /// interrupted run machines are silent for minutes while they install.
    async fn observe_patiently(&self, decide: Decide) -> Observed {
        let began = Instant::now();
        loop {
            self.emit(
                None,
                EventKind::Observing {
                    what: "the machines, the repository and the network".to_owned(),
                },
            );
            let observed = self.observe().await;
            let silent = self.worth_waiting_for(&observed, decide);
            if silent.is_empty() || began.elapsed() >= self.inputs.patience {
                return observed;
            }
            self.emit(
                None,
                EventKind::Waiting {
                    what: "every machine answers and etcd is well".to_owned(),
                    because: "a machine that installs or restarts is silent for some minutes"
                        .to_owned(),
                    seen: silent.join("; "),
                    elapsed: began.elapsed().as_secs(),
                    normal: 300,
                },
            );
            let is_soon = began.elapsed() < SOON;
            tokio::time::sleep(if is_soon { ASK_AGAIN } else { ASK_RARELY }).await;
        }
    }

    /// Silence and an etcd that is not well, unless something else stops the run anyway: after an
    /// interrupted run both may pass.
    fn worth_waiting_for(&self, observed: &Observed, decide: Decide) -> Vec<String> {
        let plan = self.inputs.plan(decide, observed);
        let silence = |refusal: &Refusal| {
            matches!(
                refusal.fence,
                Fence::ControlPlaneUnreachable
                    | Fence::MachineUnreachable
                    | Fence::Quorum
                    | Fence::ClusterUnreachable
            )
        };
        if plan.refusals.is_empty() || !plan.refusals.iter().all(silence) {
            return Vec::new();
        }
        plan.refusals
            .into_iter()
            .map(|refusal| refusal.message)
            .collect()
    }

    /// Looks at everything once, all at the same time.
    async fn observe(&self) -> Observed {
        let cluster = &self.inputs.cluster;
        let is_left_out = |node: &Node| self.inputs.consents.without.contains(&node.name);
        // A control plane that is left out may live all the same, and hold an etcd.
        let is_asked = |node: &&Node| node.role == Role::ControlPlane || !is_left_out(node);
        let nodes: Vec<_> = cluster.nodes.iter().filter(is_asked).collect();
        let looking = nodes.iter().map(|node| {
            let depth = if is_left_out(node) {
                Depth::Signs
            } else {
                Depth::Full(self.secrets.configurations.get(&node.name))
            };
            observe::node(&self.talos, node, depth)
        });
        let connector = self.inputs.connector.as_ref();
        let (states, git) = futures::join!(
            observe::side_by_side(looking),
            observe::git(&self.inputs.remote, &self.inputs.commit, connector),
        );
        let states: BTreeMap<_, _> = nodes
            .iter()
            .map(|node| node.name.clone())
            .zip(states)
            .collect();
        let has_etcd = nodes.iter().any(|node| {
            node.role == Role::ControlPlane && states.get(&node.name).is_some_and(is_alive)
        });
        let vip = match &cluster.control_plane.vip {
            Some(vip) => Some(VipState {
                address: vip.address,
                probe: self.probe_vip(vip.address, has_etcd).await,
            }),
            None => None,
        };
        Observed {
            tree: self.inputs.tree.clone(),
            secrets: SecretsState::Open {
                talos_ca: self.secrets.talos_ca.clone(),
                unreadable: self.secrets.unreadable.clone(),
                missing: self.secrets.missing.clone(),
                age_key: self.secrets.age_key.is_some(),
                git_credentials: self.secrets.git.is_some() || is_public(cluster),
            },
            images: self.secrets.images(),
            placeholders: self.inputs.placeholders.clone(),
            nodes: states,
            git,
            vip,
        }
    }

    async fn probe_vip(&self, address: std::net::IpAddr, has_etcd: bool) -> VipProbe {
        let connector = self.inputs.connector.as_ref();
        let port = self.inputs.cluster.control_plane.endpoint.port;
        observe::vip(address, port, has_etcd, connector).await
    }

    /// Walks the steps in order, those of one batch side by side. All of a batch end before the
    /// first failure is reported, so that nothing is left half-way without need. `None` when the
    /// plan is out of date.
    async fn walk_all(&self, plan: &Plan) -> Result<Option<Outcome>, RunError> {
        let mut done = Vec::new();
        let mut skipped = Vec::new();
        for batch in plan.batches() {
            let walking = batch.iter().map(|step| self.walk(step));
            let ended = observe::side_by_side(walking).await;
            let mut is_outdated = false;
            for (step, ended) in batch.iter().zip(ended) {
                match ended? {
                    Ended::Done => done.push(step.id.clone()),
                    Ended::Skipped => skipped.push(step.id.clone()),
                    Ended::Overtaken => is_outdated = true,
                }
            }
            if is_outdated {
                return Ok(None);
            }
        }
        Ok(Some(Outcome {
            done,
            skipped,
            until: self.inputs.until,
            revision: self.revision(),
            endpoint: self.endpoint(),
        }))
    }
}

fn is_public(cluster: &Cluster) -> bool {
    let GitOps::Flux(flux) = &cluster.gitops;
    flux.auth == GitAuth::None
}

fn is_alive(state: &NodeState) -> bool {
    matches!(state, NodeState::Ours(running) if matches!(running.etcd, EtcdSigns::Alive { .. }))
}
