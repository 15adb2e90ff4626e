//! The plan of a change to a live cluster: one machine at a time, never more than etcd can spare.
//!
//! What makes a cluster itself does not change here: its identity, its name, its networks, its
//! authorities. A machine that cannot be asked stops everything, since nobody knows what it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::bootstrap::KUBECONFIG;
use super::change::Effect as ChangeEffect;
use super::consent::Consents;
use super::fence::{self, Verdict};
use super::observed::{EtcdSigns, NodeState, Observed, Running, SecretsState, member};
use super::pending::Pending;
use super::preflight;
use super::refusal::{Fence, Refusal};
use super::step::{Action, Condition, Effect, Operation, Plan, Stage, Step, StepId};
use crate::model::{NodeName, Version};
use crate::render::talos::{IDENTITY, IdentityPlace, MAIN};
use crate::spec::cluster::{Cluster, Node, Role};

/// Decides how the spec's changes reach a cluster that runs.
pub fn apply(cluster: &Cluster, observed: &Observed, consents: &Consents) -> Plan {
    let mut plan = Plan {
        cluster: cluster.name.clone(),
        operation: Operation::Apply,
        steps: Vec::new(),
        refusals: preflight::on_this_computer(observed),
        warnings: Vec::new(),
    };
    if let SecretsState::Missing(_) = observed.secrets {
        return plan;
    }
    // Machines can be changed all the same; what Git brings stays behind until it is pushed.
    plan.warnings.extend(preflight::not_in_git(observed));
    let taken = |node: &&Node| !consents.without.contains(&node.name);
    let nodes: Vec<&Node> = cluster.nodes.iter().filter(taken).collect();
    let planes: Vec<&Node> = cluster.control_planes().into_iter().filter(taken).collect();
    let voters = Voters::of(cluster, observed);
    check_machines(&nodes, observed, &mut plan.refusals);
    check_etcd(&planes, observed, &mut plan.refusals);
    let changing = changing(&nodes, observed);
    for (node, pending) in &changing {
        plan.refusals.extend(identity(node, pending));
        plan.refusals.extend(another_kubernetes(node, pending));
        plan.warnings.extend(later(node, pending));
        if node.role == Role::ControlPlane {
            plan.refusals.extend(voters.refusal(node, pending));
        }
    }
    if let (false, Some(first)) = (changing.is_empty(), planes.first()) {
        plan.steps = steps(first, &planes, &changing);
    }
    plan
}

/// The machines that would change, workers first: what goes wrong there costs least.
fn changing<'a>(nodes: &[&'a Node], observed: &Observed) -> Vec<(&'a Node, Pending)> {
    let mut changing: Vec<_> = nodes
        .iter()
        .filter_map(|node| match observed.node(&node.name) {
            NodeState::Ours(running) => Some((*node, running.pending?)),
            _ => None,
        })
        .collect();
    changing.sort_by_key(|(node, _)| (node.role == Role::ControlPlane, node.name.clone()));
    changing
}

fn check_machines(nodes: &[&Node], observed: &Observed, refusals: &mut Vec<Refusal>) {
    let mut silent = Vec::new();
    for node in nodes {
        let name = &node.name;
        match observed.node(name) {
            NodeState::Unreachable { reason } => silent.push(
                Refusal::new(
                    Fence::MachineUnreachable,
                    format!("`{name}` does not answer ({reason}): nobody knows what it would take"),
                    format!("bring `{name}` back, or pass `--without {name}` to leave it as it is"),
                )
                .on(name),
            ),
            NodeState::Maintenance { .. } => refusals.push(
                Refusal::new(
                    Fence::NotBootstrapped,
                    format!("`{name}` waits for its first configuration"),
                    format!("run `homelab bootstrap`, or pass `--without {name}`"),
                )
                .on(name),
            ),
            NodeState::Foreign { identity } => {
                refusals.push(preflight::foreign(node, &identity));
            }
            NodeState::Ours(running) => {
                refusals.extend(preflight::wrong_name(node, &running));
            }
        }
    }
    if silent.len() == nodes.len() {
        silent = vec![Refusal::new(
            Fence::ClusterUnreachable,
            "no machine answers",
            "check that the machines are on and that this computer is in their network",
        )];
    }
    refusals.extend(silent);
}

fn check_etcd(planes: &[&Node], observed: &Observed, refusals: &mut Vec<Refusal>) {
    let states: BTreeMap<_, _> = planes
        .iter()
        .map(|node| (node.name.clone(), observed.node(&node.name)))
        .collect();
    match fence::judge(&states) {
        Verdict::Refused(refusal) => refusals.push(refusal),
        Verdict::Never | Verdict::NotYet(_) if refusals.is_empty() => refusals.push(Refusal::new(
            Fence::NotBootstrapped,
            "there is no etcd: this is no live cluster",
            "run `homelab bootstrap`",
        )),
        // Whoever does not answer was named already.
        Verdict::Exists { .. } | Verdict::Never | Verdict::NotYet(_) => {}
    }
}

fn identity(node: &Node, pending: &Pending) -> Vec<Refusal> {
    let found = pending.changes.iter().filter_map(|change| {
        // A document that comes or goes as a whole brings or takes the place with it.
        let is_at = |place: &IdentityPlace| {
            change.kind == place.kind
                && (change.path.is_root() || change.path.matches(place.path))
        };
        let lasting = |place: &IdentityPlace| place.for_life.filter(|_| is_at(place));
        let what = IDENTITY.iter().find_map(lasting)?;
        let name = &node.name;
        Some(
            Refusal::new(
                Fence::IdentityField,
                format!("`{}` of `{name}` would change: {what} stays for life", change.path),
                "bring homelab.yaml back to what runs; with another identity it is another cluster, whose machines begin anew",
            )
            .on(name),
        )
    });
    found.collect()
}

/// The images that carry Kubernetes' release: by document and place, up to the contract of 1.13 and from
/// 1.14 on.
const KUBERNETES_IMAGES: [(&str, &str); 8] = [
    (MAIN, "machine.kubelet.image"),
    (MAIN, "cluster.apiServer.image"),
    (MAIN, "cluster.controllerManager.image"),
    (MAIN, "cluster.scheduler.image"),
    ("KubeletConfig", "image"),
    ("KubeAPIServerConfig", "image"),
    ("KubeControllerManagerConfig", "image"),
    ("KubeSchedulerConfig", "image"),
];

/// Another minor release of Kubernetes is an upgrade: control planes before kubelets, one release at a
/// time, never back (Kubernetes' version skew policy). Machines changed one by one would break that.
fn another_kubernetes(node: &Node, pending: &Pending) -> Option<Refusal> {
    let name = &node.name;
    let release = |image: &Option<serde_json::Value>| -> Option<Version> {
        let name = image.as_ref()?.as_str()?.split('@').next()?;
        name.rsplit_once(':')?.1.parse().ok()
    };
    let (before, after) = pending.changes.iter().find_map(|change| {
        let place = change.path.to_string();
        let is_image = KUBERNETES_IMAGES.contains(&(&change.kind, &place));
        let both = is_image.then(|| release(&change.before).zip(release(&change.after)))?;
        both.filter(|(before, after)| before.minor_release() != after.minor_release())
    })?;
    let remedy = if after.minor_release() < before.minor_release() {
        format!("bring homelab.yaml back to Kubernetes {before}")
    } else {
        format!(
            "upgrade with `talosctl upgrade-k8s`, one minor release after the other, and then bring homelab.yaml to what runs; until then it says {before}"
        )
    };
    let message = format!(
        "`{name}` would go from Kubernetes {before} to {after}: `apply` changes no minor release"
    );
    Some(Refusal::new(Fence::KubernetesUpgrade, message, remedy).on(name))
}

/// Changes that are taken now and count later.
fn later(node: &Node, pending: &Pending) -> Vec<String> {
    let name = &node.name;
    let later = pending.changes.iter().filter_map(|change| {
        let when = match change.effect {
            ChangeEffect::AtNextReboot => "counts only after its next reboot",
            ChangeEffect::AtInstall => "counts only when Talos is installed or upgraded",
            ChangeEffect::WhenMade => "counts only for a volume that is made anew",
            ChangeEffect::Unknown => "is not known here: what it does is the machine's to say",
            _ => return None,
        };
        Some(format!("`{}` of `{name}` {when}", change.path))
    });
    later.collect()
}

/// Who votes in etcd, and who of them is well.
struct Voters {
    all: BTreeSet<String>,
    healthy: BTreeSet<String>,
}

impl Voters {
    fn of(cluster: &Cluster, observed: &Observed) -> Self {
        let mut voters = Self {
            all: BTreeSet::new(),
            healthy: BTreeSet::new(),
        };
        for node in cluster.control_planes() {
            let NodeState::Ours(Running { etcd, .. }) = observed.node(&node.name) else {
                continue;
            };
            if let EtcdSigns::Alive { healthy, members } = etcd {
                let voting = members.into_iter().filter(|it| !member(it).1);
                voters.all.extend(voting);
                if healthy {
                    voters.healthy.insert(node.name.to_string());
                }
            }
        }
        voters
    }

    /// Refuses a change that takes a voter away when the others are too few without it. A single
    /// voter has no others: it goes and comes back.
    fn refusal(&self, node: &Node, pending: &Pending) -> Option<Refusal> {
        let name = node.name.as_str();
        let quorum = self.all.len() / 2 + 1;
        let left = self.healthy.iter().filter(|it| *it != name).count();
        let is_spared = self.all.len() == 1 || left >= quorum || !pending.takes_etcd_away();
        (!is_spared).then(|| {
            Refusal::new(
                Fence::Quorum,
                format!(
                    "`{name}` would restart, and without it {left} of {} voters are healthy: etcd needs {quorum}",
                    self.all.len()
                ),
                "mend the other control planes first: `homelab doctor` names what is wrong with them",
            )
            .on(&node.name)
        })
    }
}

fn steps(first: &Node, planes: &[&Node], changing: &[(&Node, Pending)]) -> Vec<Step> {
    let mut steps = vec![
        fetch_kubeconfig(first),
        api_ready(first),
        Step::take_lease(),
    ];
    let voters: Vec<NodeName> = planes.iter().map(|node| node.name.clone()).collect();
    for (node, pending) in changing {
        // While a machine restarts, another one's API server answers.
        let api = voters.iter().find(|it| **it != node.name).cloned();
        steps.push(change(node, pending, api, &voters));
    }
    for (batch, step) in steps.iter_mut().enumerate() {
        step.batch = batch;
    }
    steps
}

fn change(node: &Node, pending: &Pending, api: Option<NodeName>, voters: &[NodeName]) -> Step {
    let name = &node.name;
    let voters = match node.role {
        Role::ControlPlane => voters.to_vec(),
        Role::Worker => Vec::new(),
    };
    let mut effects: Vec<Effect> = pending
        .services()
        .into_iter()
        .map(|service| Effect::RestartsService {
            node: name.clone(),
            service: service.to_owned(),
        })
        .collect();
    if pending.reboots {
        effects = vec![Effect::Reboots { node: name.clone() }];
    }
    Step {
        id: StepId::of("apply-configuration", name),
        stage: Stage::Change,
        batch: 0,
        action: Action::ApplyConfiguration {
            node: name.clone(),
            reboots: pending.reboots,
            api,
        },
        reason: pending.to_string(),
        precondition: Condition::Spared {
            node: name.clone(),
            voters: voters.clone(),
            restarts: pending.takes_etcd_away(),
        },
        postcondition: Condition::Settled {
            node: name.clone(),
            voters,
        },
        effects,
    }
}

fn fetch_kubeconfig(first: &Node) -> Step {
    let node = first.name.clone();
    Step {
        id: StepId::of("kubeconfig", &node),
        stage: Stage::Kubernetes,
        batch: 0,
        action: Action::FetchKubeconfig { node: node.clone() },
        reason: "the lease and the nodes are asked of the Kubernetes API".to_owned(),
        precondition: Condition::HasIdentity { node },
        postcondition: Condition::KubeconfigStored,
        effects: vec![Effect::WritesFile {
            path: KUBECONFIG.to_owned(),
        }],
    }
}

fn api_ready(first: &Node) -> Step {
    Step {
        id: StepId::of("api", &first.name),
        stage: Stage::Kubernetes,
        batch: 0,
        action: Action::Await,
        reason: "nothing is changed while Kubernetes cannot be asked how its nodes are".to_owned(),
        precondition: Condition::Always,
        postcondition: Condition::ApiReady {
            node: first.name.clone(),
        },
        effects: Vec::new(),
    }
}
