//! Where a bootstrap may stop: places at which the rest is the owner's, or another day's.

use std::fmt;

use serde::{Serialize, Serializer};

use super::step::{Condition, Plan, Stage, Step};

/// What stands when a bootstrap stops early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// Machines that answer have their configuration, and the control planes answer with it.
    Machines,
    /// etcd runs on the first control plane.
    Etcd,
    /// The administrator's kubeconfig is stored.
    Kubeconfig,
    /// The Kubernetes API answers.
    Kubernetes,
    /// What must be there before Git is there.
    BeforeGit,
    /// Every node is ready.
    Nodes,
}

impl Milestone {
    /// Every one, in order.
    pub const ALL: &[Self] = &[
        Self::Machines,
        Self::Etcd,
        Self::Kubeconfig,
        Self::Kubernetes,
        Self::BeforeGit,
        Self::Nodes,
    ];

    /// Its one word, for the command line and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Etcd => "etcd",
            Self::Kubeconfig => "kubeconfig",
            Self::Kubernetes => "kubernetes",
            Self::BeforeGit => "before-git",
            Self::Nodes => "nodes",
        }
    }

    fn takes(self, step: &Step) -> bool {
        let last = match self {
            Self::Machines => Stage::Identity,
            Self::Kubeconfig if step.postcondition == Condition::KubeconfigStored => {
                Stage::Kubernetes
            }
            Self::Etcd | Self::Kubeconfig => Stage::Etcd,
            Self::Kubernetes => Stage::Kubernetes,
            Self::BeforeGit => Stage::BeforeGit,
            Self::Nodes => Stage::Nodes,
        };
        step.stage <= last
    }
}

impl Serialize for Milestone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machines => "the control planes answer with their new identity",
            Self::Etcd => "etcd runs on the first control plane",
            Self::Kubeconfig => "the administrator's kubeconfig is stored",
            Self::Kubernetes => "the Kubernetes API answers",
            Self::BeforeGit => "what must be there before Git stands",
            Self::Nodes => "every node is ready",
        })
    }
}

impl Plan {
    /// Leaves out what comes after a milestone.
    #[must_use]
    pub fn until(mut self, milestone: Option<Milestone>) -> Self {
        if let Some(milestone) = milestone {
            self.steps.retain(|step| milestone.takes(step));
        }
        self
    }
}
