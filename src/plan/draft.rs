//! The steps of a bootstrap, in order, from what was found. Whether it may begin at all is decided
//! elsewhere.

use super::bootstrap::KUBECONFIG;
use super::observed::{Git, NodeState, Observed, Platform};
use super::preflight::{Life, disk_text, matching_disks};
use super::step::{Action, Condition, Effect, ObjectSet, Stage, Step, StepId};
use crate::model::NodeName;
use crate::spec::cluster::{Cluster, GitOps, Node, Role};

/// Steps so far, and what they are made from.
pub(super) struct Draft<'a> {
    cluster: &'a Cluster,
    observed: &'a Observed,
    life: Life,
    steps: Vec<Step>,
    batch: usize,
}

impl<'a> Draft<'a> {
    pub(super) fn new(cluster: &'a Cluster, observed: &'a Observed, life: Life) -> Self {
        Self {
            cluster,
            observed,
            life,
            steps: Vec::new(),
            batch: 0,
        }
    }

    pub(super) fn build(
        mut self,
        nodes: &[&Node],
        control_planes: &[&Node],
        target: &Node,
    ) -> Vec<Step> {
        let workers: Vec<&Node> = nodes
            .iter()
            .copied()
            .filter(|node| node.role == Role::Worker)
            .collect();
        self.configure(nodes);
        self.identities(
            control_planes,
            "etcd is only bootstrapped when every control plane can be asked",
        );
        self.etcd(control_planes, target);
        self.kubernetes(target);
        self.before_git(target);
        self.nodes(nodes, control_planes, &workers);
        self.gitops();
        self.steps
    }

    /// Adds a step of its own.
    fn step(&mut self, step: Step) {
        self.batch += 1;
        self.side_by_side(step);
    }

    /// Adds a step that runs together with those before it that share the batch.
    fn side_by_side(&mut self, mut step: Step) {
        step.batch = self.batch;
        self.steps.push(step);
    }

    fn configure(&mut self, nodes: &[&Node]) {
        self.batch += 1;
        for node in nodes {
            if let NodeState::Maintenance { fingerprint, .. } = self.observed.node(&node.name) {
                let step = self.install(node, fingerprint);
                self.side_by_side(step);
            }
        }
        for node in nodes {
            if let (Life::New, NodeState::Ours(running)) =
                (self.life, self.observed.node(&node.name))
                && running.pending.is_some()
            {
                self.step(reconfigure(node));
            }
        }
    }

    fn install(&self, node: &Node, fingerprint: String) -> Step {
        let name = &node.name;
        let state = self.observed.node(name);
        let container = state
            .hardware()
            .is_some_and(|hardware| hardware.platform == Platform::Container);
        let disk = state
            .hardware()
            .filter(|_| !container)
            .and_then(|hardware| {
                matching_disks(node, hardware)
                    .first()
                    .map(|disk| disk_text(disk))
            });
        let mut effects = Vec::new();
        if let Some(disk) = &disk {
            effects.push(Effect::WipesDisk {
                node: name.clone(),
                disk: disk.clone(),
            });
            effects.push(Effect::Reboots { node: name.clone() });
        }
        Step {
            id: StepId::of("install", name),
            stage: Stage::Configure,
            batch: 0,
            reason: if container {
                format!(
                    "`{name}` waits for its configuration; it is a container, so nothing is installed and nothing reboots"
                )
            } else {
                format!("`{name}` waits for its configuration")
            },
            action: Action::InstallNode {
                node: name.clone(),
                fingerprint: fingerprint.clone(),
                disk,
            },
            precondition: Condition::InMaintenance {
                node: name.clone(),
                fingerprint,
            },
            postcondition: Condition::TookConfiguration { node: name.clone() },
            effects,
        }
    }

    fn identities(&mut self, nodes: &[&Node], reason: &str) {
        self.batch += 1;
        for node in nodes {
            let condition = Condition::HasIdentity {
                node: node.name.clone(),
            };
            let step = wait(
                StepId::of("answers", &node.name),
                Stage::Identity,
                condition,
                reason,
            );
            self.side_by_side(step);
        }
    }

    fn etcd(&mut self, control_planes: &[&Node], target: &Node) {
        let healthy = Condition::EtcdHealthy {
            node: target.name.clone(),
        };
        if self.life == Life::Running {
            self.step(wait(
                StepId::of("etcd", &target.name),
                Stage::Etcd,
                healthy,
                "etcd exists: it is never bootstrapped again",
            ));
            return;
        }
        self.step(Step {
            id: StepId::of("bootstrap-etcd", &target.name),
            stage: Stage::Etcd,
            batch: 0,
            action: Action::BootstrapEtcd {
                node: target.name.clone(),
            },
            reason: format!(
                "no control plane shows a sign of etcd; `{}` is the first by name",
                target.name
            ),
            precondition: Condition::NoEtcd {
                nodes: names(control_planes),
            },
            postcondition: healthy,
            effects: vec![Effect::CreatesEtcd {
                node: target.name.clone(),
            }],
        });
    }

    fn kubernetes(&mut self, target: &Node) {
        let node = target.name.clone();
        self.step(Step {
            id: StepId::of("kubeconfig", &node),
            stage: Stage::Kubernetes,
            batch: 0,
            action: Action::FetchKubeconfig { node: node.clone() },
            reason: "it points at a node until the cluster's endpoint answers".to_owned(),
            precondition: Condition::HasIdentity { node: node.clone() },
            postcondition: Condition::KubeconfigStored,
            effects: vec![Effect::WritesFile {
                path: KUBECONFIG.to_owned(),
            }],
        });
        self.step(wait(
            StepId::of("api", &node),
            Stage::Kubernetes,
            Condition::ApiReady { node },
            "everything that follows is asked of the Kubernetes API",
        ));
        self.step(Step::take_lease());
    }

    fn before_git(&mut self, target: &Node) {
        self.apply(
            ObjectSet::Namespaces,
            Stage::BeforeGit,
            "objects need a home before they come",
        );
        self.apply(
            ObjectSet::Secrets,
            Stage::BeforeGit,
            "the GitOps engine reads the repository and opens its encrypted files with them",
        );
        self.step(wait(
            StepId::of("registered", &target.name),
            Stage::BeforeGit,
            Condition::NodesRegistered {
                nodes: vec![target.name.clone()],
            },
            "the chart runner needs a node to run on",
        ));
        self.apply_until_ready(
            ObjectSet::Charts,
            Stage::BeforeGit,
            "no pod has a network before the CNI is there, and the GitOps engine is pods",
        );
    }

    fn nodes(&mut self, nodes: &[&Node], control_planes: &[&Node], workers: &[&Node]) {
        self.batch += 1;
        for node in workers {
            let condition = Condition::HasIdentity {
                node: node.name.clone(),
            };
            let mut step = wait(
                StepId::of("answers", &node.name),
                Stage::Nodes,
                condition,
                "a worker gets its certificate from a control plane",
            );
            step.batch = self.batch;
            self.steps.push(step);
        }
        self.step(wait(
            StepId::new("etcd-members"),
            Stage::Nodes,
            Condition::EtcdComplete {
                nodes: names(control_planes),
            },
            "control planes join as learners, one at a time",
        ));
        if let Some(vip) = &self.cluster.control_plane.vip {
            self.step(wait(
                StepId::new("vip"),
                Stage::Nodes,
                Condition::VipAnswers {
                    address: vip.address,
                },
                "clients reach the API through it",
            ));
        }
        self.step(Step {
            id: StepId::new("publish-kubeconfig"),
            stage: Stage::Nodes,
            batch: 0,
            action: Action::PublishKubeconfig,
            reason: "the cluster's endpoint serves the API now".to_owned(),
            precondition: Condition::KubeconfigStored,
            postcondition: Condition::KubeconfigPublished,
            effects: vec![Effect::WritesFile {
                path: KUBECONFIG.to_owned(),
            }],
        });
        self.step(wait(
            StepId::new("nodes-ready"),
            Stage::Nodes,
            Condition::NodesReady {
                nodes: names(nodes),
            },
            "the pod network is up on all of them",
        ));
    }

    fn gitops(&mut self) {
        let GitOps::Flux(flux) = &self.cluster.gitops;
        self.apply_until_ready(
            ObjectSet::Operator,
            Stage::GitOps,
            "it installs and upgrades the GitOps engine",
        );
        self.apply_until_ready(
            ObjectSet::Instance,
            Stage::GitOps,
            &format!("from here on {} is the source of truth", flux.url),
        );
        let revision = match &self.observed.git {
            Git::Holds { revision } => Some(revision.clone()),
            _ => None,
        };
        self.step(wait(
            StepId::new("reconciled"),
            Stage::Reconcile,
            Condition::Reconciled { revision },
            "Git has taken over when everything in it is there and ready",
        ));
        self.step(Step {
            id: StepId::new("remove-chart-runner"),
            stage: Stage::Reconcile,
            batch: 0,
            action: Action::RemoveChartRunner,
            reason: "it has administrator's rights and its work is done: Git owns the charts now"
                .to_owned(),
            precondition: Condition::LeaseHeld,
            postcondition: Condition::ChartRunnerGone,
            effects: vec![Effect::RemovesObjects],
        });
        self.step(wait(
            StepId::new("verify"),
            Stage::Verify,
            Condition::Verified,
            "a last look at the whole",
        ));
    }

    fn apply(&mut self, objects: ObjectSet, stage: Stage, reason: &str) {
        self.objects(objects, stage, reason, Condition::Applied { objects });
    }

    fn apply_until_ready(&mut self, objects: ObjectSet, stage: Stage, reason: &str) {
        self.objects(objects, stage, reason, Condition::Ready { objects });
    }

    fn objects(&mut self, objects: ObjectSet, stage: Stage, reason: &str, post: Condition) {
        self.step(Step {
            id: StepId::of("apply", objects.as_str()),
            stage,
            batch: 0,
            action: Action::ApplyObjects { objects },
            reason: reason.to_owned(),
            precondition: Condition::LeaseHeld,
            postcondition: post,
            effects: vec![Effect::AppliesObjects],
        });
    }
}

fn reconfigure(node: &Node) -> Step {
    Step {
        id: StepId::of("reconfigure", &node.name),
        stage: Stage::Configure,
        batch: 0,
        action: Action::ReconfigureNode {
            node: node.name.clone(),
        },
        reason: "its configuration differs and there is no etcd yet that could be disturbed"
            .to_owned(),
        precondition: Condition::HasIdentity {
            node: node.name.clone(),
        },
        postcondition: Condition::Configured {
            node: node.name.clone(),
        },
        effects: vec![Effect::Reboots {
            node: node.name.clone(),
        }],
    }
}

fn wait(id: StepId, stage: Stage, condition: Condition, reason: &str) -> Step {
    Step {
        id,
        stage,
        batch: 0,
        action: Action::Await,
        reason: reason.to_owned(),
        precondition: Condition::Always,
        postcondition: condition,
        effects: Vec::new(),
    }
}

fn names(nodes: &[&Node]) -> Vec<NodeName> {
    nodes.iter().map(|node| node.name.clone()).collect()
}
