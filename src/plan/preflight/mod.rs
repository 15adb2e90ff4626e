//! Everything that is looked at before anything is changed; all findings at once.

mod disk;
mod image;
mod machine;
mod network;
mod repository;

use std::collections::BTreeMap;

pub(super) use self::disk::{disk_text, matching_disks};
pub(super) use self::machine::{foreign, wrong_name};
pub use self::repository::NO_BUNDLE_REMEDY;
use super::consent::Consents;
use super::observed::Observed;
use super::refusal::{Fence, Refusal};
use crate::model::NodeName;
use crate::spec::cluster::{Cluster, Node};

pub use crate::render::bootstrap::GIT_CREDENTIALS;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Findings {
    pub(super) refusals: Vec<Refusal>,
    pub(super) warnings: Vec<String>,
}

/// Whether the cluster already has an etcd: some checks only guard its first hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    New,
    Running,
}

/// Looks at everything but etcd, which has a fence of its own.
pub(super) fn check(
    cluster: &Cluster,
    nodes: &[&Node],
    observed: &Observed,
    consents: &Consents,
    life: Life,
) -> Findings {
    let mut findings = Findings::default();
    repository::check(observed, life, &mut findings);
    for node in nodes {
        machine::check(cluster, node, observed, consents, life, &mut findings);
    }
    check_duplicates(nodes, observed, &mut findings);
    network::check_vip(observed, &mut findings);
    findings
}

/// Says what keeps the GitOps engine from seeing the tree as it is here.
pub(super) fn not_in_git(observed: &Observed) -> Option<String> {
    repository::git_finding(&observed.git).map(|finding| finding.message)
}

/// Looks only at this computer: its files and keys.
pub(super) fn on_this_computer(observed: &Observed) -> Vec<Refusal> {
    let mut findings = Findings::default();
    repository::files(observed, &mut findings);
    findings.refusals
}

fn check_duplicates(nodes: &[&Node], observed: &Observed, findings: &mut Findings) {
    let mut owners: BTreeMap<String, NodeName> = BTreeMap::new();
    for node in nodes {
        let state = observed.node(&node.name);
        let Some(uuid) = state.hardware().and_then(|hardware| hardware.uuid.clone()) else {
            continue;
        };
        if let Some(other) = owners.insert(uuid.clone(), node.name.clone()) {
            findings.refusals.push(
                Refusal::new(
                    Fence::DuplicateMachine,
                    format!("`{other}` and `{}` report the same machine UUID `{uuid}`", node.name),
                    "give each its own: two addresses of one machine in homelab.yaml, or a cloned virtual machine",
                )
                .on(&node.name),
            );
        }
    }
}
