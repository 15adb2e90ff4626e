//! A rehearsal as a picture shows it: lanes, what happened in them, and what went wrong.
//!
//! Made from what the engine told and what the world saw, in milliseconds since the beginning. It
//! knows nothing of colours, pages or terminals.

use jiff::Timestamp;
use serde::Serialize;

use super::faults::Fault;
use super::machine::Standing;
use super::rehearsal::{End, Rehearsed};
use super::script::Script;
use crate::model::NodeName;
use crate::spec::Cluster;
use crate::spec::cluster::Role;

mod bars;

pub use bars::{Bar, BarEnd, WaitSpell};

/// A rehearsal as a picture shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// The cluster.
    pub cluster: String,
    /// The command that rehearses this again.
    pub replay: String,
    /// Whether everything came up in the end.
    pub converged: bool,
    /// Why it did not.
    pub error: Option<String>,
    /// How long it took.
    pub length: u64,
    /// Whoever runs the engine, the machines, and Git's objects, from top to bottom.
    pub lanes: Vec<Lane>,
    /// What went wrong.
    pub marks: Vec<Mark>,
    /// When each run of the engine began and ended.
    pub runs: Vec<Run>,
}

/// One lane.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    /// Whose it is.
    pub name: String,
    /// What that is.
    pub kind: LaneKind,
    /// What state it was in, without gaps.
    pub bands: Vec<Band>,
    /// What the engine did there.
    pub bars: Vec<Bar>,
    /// What happened at one moment.
    pub moments: Vec<Moment>,
}

/// What a lane is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaneKind {
    /// The engine, as far as no single machine is concerned.
    Operator,
    /// A control plane.
    ControlPlane,
    /// A worker.
    Worker,
    /// What Git brings.
    Git,
}

/// A state that lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// Which.
    pub standing: Standing,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When.
    pub at: u64,
    /// What.
    pub what: String,
}

/// Something that went wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// When.
    pub at: u64,
    /// Until when, if it passed by itself.
    pub until: Option<u64>,
    /// What, in words.
    pub what: String,
    /// Which machine it was about.
    pub node: Option<NodeName>,
    /// Which fault it was; `None` is a kill that the script asked for, or what must never happen.
    pub fault: Option<Fault>,
}

/// One run of the engine.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// When it began.
    pub from: u64,
    /// When it ended.
    pub to: u64,
    /// How, in words.
    pub end: String,
}

/// Time since the beginning.
#[derive(Clone, Copy)]
struct Since(Timestamp);

impl Since {
    fn millis(self, at: Timestamp) -> u64 {
        u64::try_from(at.duration_since(self.0).as_millis()).unwrap_or(0)
    }
}

impl Story {
    /// Tells a rehearsal.
    pub fn new(cluster: &Cluster, script: &Script, rehearsed: &Rehearsed) -> Self {
        let since = Since(rehearsed.began);
        let length = rehearsed.attempts.last();
        let length = length.map_or(0, |last| since.millis(last.ended)).max(1);
        let bars = bars::bars(rehearsed, since);
        let mut lanes = vec![operator(&bars)];
        for node in &cluster.nodes {
            let kind = match node.role {
                Role::ControlPlane => LaneKind::ControlPlane,
                Role::Worker => LaneKind::Worker,
            };
            lanes.push(Lane {
                name: node.name.to_string(),
                kind,
                bands: bands(rehearsed, &node.name, since, length),
                bars: of_node(&bars, Some(&node.name)),
                moments: moments(rehearsed, &node.name, since),
            });
        }
        lanes.extend(git(rehearsed, since));
        Self {
            cluster: cluster.name.to_string(),
            replay: script.to_string(),
            converged: rehearsed.converged(),
            error: rehearsed.error(),
            length,
            lanes,
            marks: marks(rehearsed, since),
            runs: runs(rehearsed, since),
        }
    }

    /// Returns every bar of every lane, in order of time.
    pub fn bars(&self) -> Vec<&Bar> {
        let mut all: Vec<&Bar> = self.lanes.iter().flat_map(|lane| &lane.bars).collect();
        all.sort_by_key(|bar| (bar.from, bar.number));
        all
    }
}

fn operator(bars: &[Bar]) -> Lane {
    Lane {
        name: "homelab".to_owned(),
        kind: LaneKind::Operator,
        bands: Vec::new(),
        bars: of_node(bars, None),
        moments: Vec::new(),
    }
}

fn of_node(bars: &[Bar], node: Option<&NodeName>) -> Vec<Bar> {
    let own = bars.iter().filter(|bar| bar.node.as_ref() == node);
    own.cloned().collect()
}

fn bands(rehearsed: &Rehearsed, node: &NodeName, since: Since, length: u64) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for passage in rehearsed
        .report
        .history
        .iter()
        .filter(|it| it.node == *node)
    {
        let from = since.millis(passage.at).min(length);
        if let Some(last) = bands.last_mut() {
            last.to = from;
        }
        bands.push(Band {
            from,
            to: length,
            standing: passage.standing,
        });
    }
    bands.retain(|band| band.to > band.from);
    bands
}

fn moments(rehearsed: &Rehearsed, node: &NodeName, since: Since) -> Vec<Moment> {
    let report = &rehearsed.report;
    let wipes = report.wipes.iter().filter(|it| it.node == *node);
    let wipes = wipes.map(|it| (it.at, format!("disk {} is written", it.disk)));
    let etcd = report.etcd_clusters.iter();
    let etcd = etcd.filter(|it| it.bootstrapped_on == *node);
    let etcd = etcd.map(|it| (it.at, "etcd is bootstrapped".to_owned()));
    let mut all: Vec<Moment> = wipes
        .chain(etcd)
        .map(|(at, what)| Moment {
            at: since.millis(at),
            what,
        })
        .collect();
    all.sort_by_key(|moment| moment.at);
    all
}

/// What Git brings, each object at the moment when it became ready; nothing when there is none.
fn git(rehearsed: &Rehearsed, since: Since) -> Option<Lane> {
    let objects = rehearsed.report.gitops.iter();
    let mut moments: Vec<Moment> = objects
        .filter_map(|object| {
            Some(Moment {
                at: since.millis(object.ready_since?),
                what: format!("{} {} is ready", object.kind, object.name),
            })
        })
        .collect();
    moments.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
    (!moments.is_empty()).then(|| Lane {
        name: "Git".to_owned(),
        kind: LaneKind::Git,
        bands: Vec::new(),
        bars: Vec::new(),
        moments,
    })
}

fn marks(rehearsed: &Rehearsed, since: Since) -> Vec<Mark> {
    let faults = rehearsed.faults.iter().filter_map(|struck| {
        Some(Mark {
            at: since.millis(struck.at?),
            until: struck.until.map(|until| since.millis(until)),
            what: struck.fault.sentence().to_owned(),
            node: struck.node.clone(),
            fault: Some(struck.fault),
        })
    });
    let kills = rehearsed.attempts.iter().filter_map(|attempt| {
        let End::Killed(at) = &attempt.end else {
            return None;
        };
        Some((attempt.ended, format!("the run was killed at {at}")))
    });
    let violations = rehearsed.report.violations.iter();
    let violations = violations.map(|it| (it.at, it.to_string()));
    let others = kills.chain(violations).map(|(at, what)| Mark {
        at: since.millis(at),
        until: None,
        what,
        node: None,
        fault: None,
    });
    let mut all: Vec<Mark> = faults.chain(others).collect();
    all.sort_by_key(|mark| mark.at);
    all
}

fn runs(rehearsed: &Rehearsed, since: Since) -> Vec<Run> {
    let runs = rehearsed.attempts.iter().map(|attempt| Run {
        from: since.millis(attempt.began),
        to: since.millis(attempt.ended),
        end: match &attempt.end {
            End::Over(Ok(_)) => "it is done".to_owned(),
            End::Over(Err(error)) => error.to_string(),
            End::Killed(at) => format!("killed at {at}"),
            End::Stopped(violation) => violation.to_string(),
        },
    });
    runs.collect()
}
