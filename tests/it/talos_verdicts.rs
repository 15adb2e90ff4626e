//! Whether a configuration may go to a machine: our verdict on patches and that of Talos' own validation,
//! in both directions, for every release and role.
//!
//! The patches are in `tests/fixtures/talos/verdicts.yaml`: broken in many ways, or right. What we refuse
//! beyond Talos is listed here, by code, with the reason.

use std::collections::BTreeSet;

use homelab::catalog::Catalog;
use homelab::model::Version;
use homelab::render::talos::{Contract, documents, lint};
use homelab::spec::Code;
use homelab::spec::cluster::{Cluster, Patch};
use serde_json::{Value, json};

use crate::support::clusters::{joined, talos};
use crate::support::{Case, Need, Oracle};

/// Names a `talos-oracle` that was built with the library of 1.14.
const GIVEN: &str = "HOMELAB_TALOS_ORACLE_1_14";

/// What Talos takes and we do not.
const BEYOND: &[(Code, &str)] = &[
    (
        Code::ContradictsSpec,
        "the rest of what is rendered follows the spec, not the patch",
    ),
    (
        Code::DeletesNeeded,
        "the node would come up without its cluster",
    ),
    (
        Code::KindTooNew,
        "the library that is asked is newer than the node",
    ),
    (
        Code::TargetsNothing,
        "since 1.14 Talos passes over a deletion of nothing, and nobody notices",
    ),
];

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("verdicts_agree", || {
            let versions = [(1, 10), (1, 11), (1, 12), (1, 13)];
            agree(&mut Oracle::start(), &versions);
        })
        .parts(&["talos-oracle"]),
        Case::new("verdicts_agree_under_1_14", || {
            agree(&mut Oracle::given(GIVEN), &[(1, 14)]);
        })
        .needs(Need::Given(GIVEN)),
        Case::new("verdicts_are_as_listed", || listed(&mut Oracle::start()))
            .parts(&["talos-oracle"]),
    ]
}

/// The patches under a heading.
pub fn patches(heading: &str) -> Vec<Value> {
    let text = include_str!("../fixtures/talos/verdicts.yaml");
    let all: Value = serde_yaml::from_str(text).expect("YAML");
    all[heading].as_array().expect("a list").clone()
}

/// The codes of what Talos takes and we do not.
pub fn beyond() -> BTreeSet<Code> {
    BEYOND.iter().map(|(code, _)| *code).collect()
}

/// A cluster of the first or the last machine of a made-up one, with a patch.
fn cluster(version: (u64, u64), machine: &str, patch: &Value) -> Cluster {
    let mut cluster = talos();
    cluster.kubernetes = Version::new(1, 33, 2);
    cluster.nodes.retain(|node| node.name.as_str() == machine);
    for node in &mut cluster.nodes {
        node.version = Version::new(version.0, version.1, 3);
    }
    let content = patch.clone();
    cluster.patches.all = vec![Patch {
        content,
        line: 1,
        ..Patch::default()
    }];
    cluster
}

/// Our codes of errors.
fn ours(cluster: &Cluster) -> BTreeSet<Code> {
    let found = lint(cluster, &Catalog::default());
    let errors = found
        .into_iter()
        .filter(homelab::spec::Diagnostic::is_error);
    errors.map(|finding| finding.code).collect()
}

/// What Talos says in a mode: nothing when it takes the configuration.
fn theirs(oracle: &mut Oracle, cluster: &Cluster, mode: &str) -> Option<String> {
    let mut without = cluster.clone();
    let patch = without.patches.all.remove(0).content;
    let name = &cluster.nodes[0].name;
    let base = documents(&without, &Catalog::default(), name).expect("renders");
    let patch = serde_yaml::to_string(&patch).expect("YAML");
    let answer = oracle.ask(
        "patch",
        json!({"config": joined(&base), "patches": [patch]}),
    );
    if let Some(error) = answer.error() {
        return Some(error.to_owned());
    }
    let config = answer.file("config.yaml");
    let verdict = oracle.ask("validate", json!({"config": config, "mode": mode}));
    verdict.error().map(str::to_owned)
}

/// A control plane and a worker.
const MACHINES: [&str; 2] = ["talos-1", "worker-1"];

fn agree(oracle: &mut Oracle, versions: &[(u64, u64)]) {
    let beyond = beyond();
    let mut differences = Vec::new();
    for patch in patches("refused").iter().chain(&patches("accepted")) {
        for version in versions {
            for machine in MACHINES {
                let cluster = cluster(*version, machine, patch);
                let ours = ours(&cluster);
                let what = format!("{}.{} {machine} {patch}", version.0, version.1);
                let [metal, cloud] = ["metal", "cloud"].map(|mode| theirs(oracle, &cluster, mode));
                let refusal = metal.as_ref().or(cloud.as_ref());
                match refusal {
                    Some(error) if ours.is_empty() => {
                        differences.push(format!(
                            "{what}\n  only Talos refuses: {}",
                            error.replace('\n', " ")
                        ));
                    }
                    None if !ours.is_subset(&beyond) => {
                        differences.push(format!("{what}\n  only we refuse: {ours:?}"));
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{}\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// What is listed as refused is refused by both, what is listed as right by neither, and what is listed as
/// beyond by us alone: on the newest release that the library has.
fn listed(oracle: &mut Oracle) {
    let version = (1, 13);
    let mut wrong = Vec::new();
    for (heading, refuses) in [("refused", true), ("accepted", false), ("beyond", false)] {
        for patch in patches(heading) {
            let verdicts: Vec<_> = MACHINES
                .iter()
                .map(|machine| theirs(oracle, &cluster(version, machine, &patch), "metal"))
                .collect();
            if verdicts.iter().any(Option::is_some) != refuses {
                wrong.push(format!("{heading}: {patch}\n  Talos: {verdicts:?}"));
            }
        }
    }
    for patch in patches("beyond") {
        let codes: BTreeSet<_> = MACHINES
            .iter()
            .flat_map(|machine| ours(&cluster(version, machine, &patch)))
            .collect();
        if codes.is_empty() || !codes.is_subset(&beyond()) {
            wrong.push(format!("beyond: {patch}\n  we: {codes:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(
        Contract::NEWEST,
        Contract::V1_14,
        "add the next release here"
    );
}
