//! Who runs when: a part of the controllers runs when something that it reads has changed, or when
//! a span is over that it waits for.

use jiff::Timestamp;

use super::{Controllers, Facts};
use crate::rehearse::kubernetes::Store;

/// Rounds after which a moment is left, whatever is still moving.
const ROUNDS: usize = 16;

/// A kind by group and plural.
type Kind = (&'static str, &'static str);

struct Part {
    /// What it reads; nothing means everything.
    reads: &'static [Kind],
    run: fn(&mut Controllers, &Facts),
}

/// What a part has seen, and when it wants to run again.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    seen: Option<u64>,
    due: Option<Timestamp>,
}

const DEFINITIONS: Kind = ("apiextensions.k8s.io", "customresourcedefinitions");
const DEPLOYMENTS: Kind = ("apps", "deployments");
const NODES: Kind = ("", "nodes");
const PODS: Kind = ("", "pods");

const PARTS: &[Part] = &[
    Part {
        reads: &[DEFINITIONS],
        run: |controllers, _| controllers.run_definitions(),
    },
    Part {
        reads: &[NODES, PODS],
        run: Controllers::run_nodes,
    },
    Part {
        reads: &[
            NODES,
            PODS,
            DEPLOYMENTS,
            ("apps", "daemonsets"),
            ("apps", "statefulsets"),
            ("batch", "jobs"),
            ("cert-manager.io", "clusterissuers"),
            ("cert-manager.io", "issuers"),
            ("cert-manager.io", "certificates"),
        ],
        run: Controllers::run_workloads,
    },
    Part {
        reads: &[
            ("batch", "jobs"),
            ("", "configmaps"),
            ("", "namespaces"),
            DEFINITIONS,
            DEPLOYMENTS,
            ("apps", "daemonsets"),
        ],
        run: |controllers, _| controllers.run_chart_runner(),
    },
    Part {
        reads: &[DEPLOYMENTS, DEFINITIONS],
        run: |controllers, _| controllers.run_registered_kinds(),
    },
    Part {
        reads: &[
            DEPLOYMENTS,
            DEFINITIONS,
            ("fluxcd.controlplane.io", "fluxinstances"),
            ("source.toolkit.fluxcd.io", "gitrepositories"),
            ("kustomize.toolkit.fluxcd.io", "kustomizations"),
        ],
        run: |controllers, _| controllers.run_flux_operator(),
    },
    Part {
        reads: &[
            DEPLOYMENTS,
            ("", "secrets"),
            ("source.toolkit.fluxcd.io", "gitrepositories"),
            ("source.toolkit.fluxcd.io", "ocirepositories"),
            ("source.toolkit.fluxcd.io", "helmrepositories"),
        ],
        run: |controllers, _| controllers.run_sources(),
    },
    Part {
        reads: &[],
        run: |controllers, _| controllers.run_kustomizations(),
    },
    Part {
        reads: &[],
        run: |controllers, _| controllers.run_helm_releases(),
    },
];

pub(super) fn states() -> Vec<State> {
    vec![State::default(); PARTS.len()]
}

impl Part {
    /// The version of the latest change of anything that it reads.
    fn version(&self, store: &Store) -> u64 {
        let read = self.reads.iter();
        read.map(|(group, plural)| store.version_of(group, plural))
            .max()
            .unwrap_or_else(|| store.version())
    }
}

impl Controllers {
    /// Lets every controller act until none has anything more to do at this moment; returns when
    /// the next one has, if only time is missing.
    pub fn run(&mut self, now: Timestamp, facts: &Facts) -> Option<Timestamp> {
        if self.facts.as_ref() != Some(facts) {
            self.facts = Some(facts.clone());
            self.parts = states();
        }
        for _ in 0..ROUNDS {
            let ran = (0..PARTS.len()).filter(|index| self.run_part(*index, now, facts));
            if ran.count() == 0 {
                break;
            }
        }
        self.parts.iter().filter_map(|part| part.due).min()
    }

    /// Runs a part when there is a reason to; tells whether there was.
    fn run_part(&mut self, index: usize, now: Timestamp, facts: &Facts) -> bool {
        let part = &PARTS[index];
        let version = self.api.read(|store| part.version(store));
        let state = &self.parts[index];
        if state.seen == Some(version) && state.due.is_none_or(|due| due > now) {
            return false;
        }
        self.timers.begin(now);
        (part.run)(self, facts);
        self.parts[index] = State {
            seen: Some(version),
            due: self.timers.due(),
        };
        true
    }
}
