//! Whether a configuration may go to a machine: our verdict and that of Talos' own validation, in both
//! directions, on made-up clusters with drawn patches of each kind, and on drawn documents of each kind.
//!
//! `talos_verdicts` has the written list, and what we refuse beyond Talos.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread;

use homelab::catalog::Catalog;
use homelab::model::Version;
use homelab::render::reference::SecretRef;
use homelab::render::talos::fields::violations_of;
use homelab::render::talos::{Contract, Machine, Mode, documents, lint, refusals};
use homelab::spec::Code;
use homelab::spec::cluster::{Cluster, Patch, Platform, Role, Settings};
use serde_json::{Value, json};

use super::talos_verdicts::{beyond, patches};
use crate::support::author::{Author, stream};
use crate::support::made_up::{self, joined};
use crate::support::{Case, oracle, tally};

/// How many clusters are patched in each of four ways.
const CLUSTERS: u64 = 2_000;
/// How many documents of each kind are drawn.
const DOCUMENTS: u64 = 60;
/// Differences that are shown.
const SHOWN: usize = 40;

pub fn tests() -> Vec<Case> {
    let case = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    vec![
        case("documents_are_judged_as_by_talos", || {
            judge(DOCUMENTS, "drawn documents", document);
        }),
        case("merges_are_judged_as_by_talos", || {
            judge(CLUSTERS, "made-up clusters with a drawn patch", |round| {
                patched(round, Author::merge);
            });
        }),
        case("variations_are_judged_as_by_talos", || {
            judge(CLUSTERS, "made-up clusters with a varied patch", |round| {
                patched(round, |author, _| {
                    let heading = if author.one_in(3) {
                        "refused"
                    } else {
                        "accepted"
                    };
                    let written = author.of(&patches(heading)).clone();
                    if known(author, &written) {
                        author.varied(&written)
                    } else {
                        written
                    }
                });
            });
        }),
        case("deletions_are_judged_as_by_talos", || {
            judge(
                CLUSTERS,
                "made-up clusters with a drawn deletion",
                |round| patched(round, Author::deletion),
            );
        }),
        case("operations_are_judged_as_by_talos", || {
            judge(
                CLUSTERS,
                "made-up clusters with drawn operations",
                |round| patched_on(round, plain, |author, base| author.operations(&base[0])),
            );
        }),
    ]
}

/// Where a round of a comparison stands.
struct Round<'a> {
    author: &'a mut Author,
    seed: u64,
    /// Taken by both, and refused by both.
    same: [usize; 2],
    differences: Vec<String>,
}

impl Round<'_> {
    fn compare(&mut self, ours: Option<String>, theirs: Option<String>, what: impl Fn() -> String) {
        match (ours, theirs) {
            (None, None) => self.same[0] += 1,
            (Some(_), Some(_)) => self.same[1] += 1,
            (Some(ours), None) => {
                let line = format!("only we refuse: {ours}\n  {}", what());
                self.differences.push(line);
            }
            (None, Some(theirs)) => {
                let line = format!(
                    "only Talos refuses: {}\n  {}",
                    theirs.replace('\n', " "),
                    what()
                );
                self.differences.push(line);
            }
        }
    }
}

/// Plays rounds on both processors.
fn judge(rounds: u64, what: &'static str, play: impl Fn(&mut Round) + Sync) {
    let sums = Mutex::new(([0; 2], Vec::new()));
    thread::scope(|scope| {
        for half in 0..2 {
            let (sums, play) = (&sums, &play);
            scope.spawn(move || {
                let mut author = Author::new(20_30 + half);
                author.wild = true;
                for seed in (half..rounds).step_by(2) {
                    let mut round = Round {
                        author: &mut author,
                        seed,
                        same: [0; 2],
                        differences: Vec::new(),
                    };
                    play(&mut round);
                    let (same, differences) = (round.same, round.differences);
                    let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
                    sums.0 = [sums.0[0] + same[0], sums.0[1] + same[1]];
                    sums.1.extend(differences);
                }
            });
        }
    });
    let (same, mut differences) = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    let all = differences.len();
    differences.truncate(SHOWN);
    assert!(differences.is_empty(), "{all}\n{}", differences.join("\n"));
    // A comparison in which everything is refused, or nothing, would say little.
    let least = (same[0] + same[1]) / 8;
    assert!(same.iter().all(|count| *count > least), "{same:?}");
    tally::judged(what, same);
}

/// Tells whether the table of fields has a document's kind.
fn known(author: &Author, document: &Value) -> bool {
    let kind = document["kind"].as_str().unwrap_or("v1alpha1");
    author.kinds.iter().any(|known| known.name == kind)
}

/// A document of each kind by itself: drawn, or one step from one that is right.
fn document(round: &mut Round) {
    let kinds = std::mem::take(&mut round.author.kinds);
    let mut drawn = Vec::new();
    for kind in &kinds[1..] {
        let fields = 1 + round.author.below(2 * kind.fields.len());
        drawn.push(round.author.document(kind, fields));
    }
    round.author.kinds = kinds;
    let mut right = patches("accepted");
    right.retain(|document| document["kind"].is_string() && known(round.author, document));
    drawn.extend(right.iter().map(|document| round.author.varied(document)));
    for document in drawn {
        let machine = Machine {
            role: Role::ControlPlane,
            contract: Contract::V1_13,
            mode: Mode::Metal,
        };
        let unread = violations_of(Contract::V1_13, &document);
        let refused = refusals(std::slice::from_ref(&document), machine);
        let ours = unread
            .iter()
            .map(|violation| format!("{violation:?}"))
            .chain(refused)
            .next();
        let config = stream(std::slice::from_ref(&document));
        let theirs = round
            .author
            .oracle
            .ask("validate", json!({"config": config, "mode": "metal"}));
        round.compare(ours, theirs.error().map(str::to_owned), || {
            document.to_string()
        });
    }
}

/// A machine of a made-up cluster with a patch that is drawn for what it has.
fn patched(round: &mut Round, draw: impl Fn(&mut Author, &[Value]) -> Value) {
    patched_on(round, |_| (), draw);
}

/// Leaves a machine of an old release with one document, which takes operations.
fn plain(cluster: &mut Cluster) {
    for node in &mut cluster.nodes {
        let minor = 10 + node.version.minor_release().1 % 2;
        node.version = Version::new(1, minor, 3);
        node.settings = Settings {
            annotations: std::mem::take(&mut node.settings.annotations),
            taints: std::mem::take(&mut node.settings.taints),
            kubelet_args: std::mem::take(&mut node.settings.kubelet_args),
            modules: std::mem::take(&mut node.settings.modules),
            files: std::mem::take(&mut node.settings.files),
            hosts: std::mem::take(&mut node.settings.hosts),
            ..Settings::default()
        };
    }
}

fn patched_on(
    round: &mut Round,
    change: impl Fn(&mut Cluster),
    draw: impl Fn(&mut Author, &[Value]) -> Value,
) {
    let seed = round.seed;
    let minor = 10 + seed % 4;
    let machine = if (seed / 4).is_multiple_of(2) {
        "talos-1"
    } else {
        "worker-1"
    };
    let mut cluster = made_up::cluster(seed, &Version::new(1, minor, 3));
    cluster.nodes.retain(|node| node.name.as_str() == machine);
    change(&mut cluster);
    let name = cluster.nodes[0].name.clone();
    let base = documents(&cluster, &Catalog::default(), &name).expect("renders");
    let patch = draw(round.author, &oracle::documents(&joined(&base)));
    if reaches_secrets(&base[0], &patch) {
        return;
    }
    let written = serde_yaml::to_string(&patch).expect("YAML");
    let made = round.author.oracle.ask(
        "patch",
        json!({"config": joined(&base), "patches": [written]}),
    );
    cluster.patches.all = vec![Patch {
        content: patch.clone(),
        line: 1,
        ..Patch::default()
    }];
    let beyond = beyond();
    let version = cluster.nodes[0].version.clone();
    for (mode, platform) in [(Mode::Metal, "metal"), (Mode::Cloud, "nocloud")] {
        cluster.nodes[0].image.platform = Platform::named(platform).expect("there is one");
        let what = || format!("{version} {machine} {mode}, seed {seed}: {patch}");
        let ours = findings(&cluster);
        // What goes to the machine is what we write: the library leaves out what is empty.
        let written = documents(&cluster, &Catalog::default(), &name);
        let theirs = match (made.error(), written) {
            (Some(error), _) => Some(error.to_owned()),
            (None, Ok(written)) => {
                let question = json!({"config": joined(&written), "mode": mode.to_string()});
                let verdict = round.author.oracle.ask("validate", question);
                verdict.error().map(str::to_owned)
            }
            (None, Err(_)) => None,
        };
        let codes: BTreeSet<Code> = ours.iter().map(|(code, _)| *code).collect();
        if theirs.is_some() || !codes.is_subset(&beyond) || codes.is_empty() {
            let ours = (!ours.is_empty()).then(|| format!("{ours:?}"));
            round.compare(ours, theirs, what);
        }
    }
}

/// Tells whether operations look into secrets, which stand in our documents as references.
fn reaches_secrets(main: &Value, patch: &Value) -> bool {
    let is_secret = |value: &Value| SecretRef::of(value).is_some();
    let through = |pointer: &str| {
        let parents = pointer.match_indices('/').map(|(at, _)| &pointer[..at]);
        parents
            .filter_map(|parent| main.pointer(parent))
            .any(is_secret)
    };
    let reads = |operation: &Value| {
        let value = main.pointer(operation["path"].as_str().unwrap_or_default());
        operation["op"] == "test"
            && value.is_some_and(|value| value.to_string().contains(SecretRef::KEY))
    };
    patch.as_array().into_iter().flatten().any(|operation| {
        let pointers = ["path", "from"].map(|key| operation[key].as_str().unwrap_or_default());
        pointers.into_iter().any(through) || reads(operation)
    })
}

/// Our errors.
fn findings(cluster: &Cluster) -> Vec<(Code, String)> {
    let found = lint(cluster, &Catalog::default()).into_iter();
    let errors = found.filter(homelab::spec::Diagnostic::is_error);
    errors
        .map(|finding| (finding.code, finding.message))
        .collect()
}
