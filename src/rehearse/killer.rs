//! Ends a run at a chosen point, as `kill -9` or a power cut would.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use crate::connect::{Point, Probe, Verdict};

/// Counts the points of a run and cuts it at one of them.
#[derive(Debug, Default)]
pub struct Killer {
    seen: Mutex<Seen>,
    cut: Notify,
}

/// A kind of point: what happened, with whom, and in which step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PointKind {
    /// The step that had begun last.
    pub step: String,
    /// What happened, in words.
    pub what: String,
}

#[derive(Debug, Default)]
struct Seen {
    /// The point at which the run ends, counted from 1; none lets it live.
    at: Option<u64>,
    points: u64,
    step: String,
    kinds: BTreeSet<PointKind>,
    firsts: Vec<(u64, PointKind)>,
    cut_at: Option<String>,
}

impl Killer {
    /// Lets the run live until this point.
    pub fn new(at: Option<u64>) -> Self {
        let killer = Self::default();
        killer.seen().at = at;
        killer
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the run live for this many points more.
    pub fn cut_after(&self, points: u64) {
        let mut seen = self.seen();
        seen.at = Some(seen.points + points + 1);
    }

    /// Notes that a step has begun.
    pub fn step_begins(&self, step: &str) {
        step.clone_into(&mut self.seen().step);
    }

    /// Returns how many points were reached.
    pub fn points(&self) -> u64 {
        self.seen().points
    }

    /// Returns the first point of each kind, by number.
    pub fn kinds(&self) -> Vec<(u64, PointKind)> {
        self.seen().firsts.clone()
    }

    /// Returns the point at which the run was ended, in words.
    pub fn cut_at(&self) -> Option<String> {
        self.seen().cut_at.clone()
    }

    /// Waits until the run is cut.
    pub async fn cut(&self) {
        while !self.is_cut() {
            self.cut.notified().await;
        }
    }
}

impl Killer {
    /// Is told of a change that was made and whose reply has not left.
    pub fn done(&self, what: &str) -> Verdict {
        self.pass(format!("{what} done, reply not sent"))
    }

    fn pass(&self, words: String) -> Verdict {
        let mut seen = self.seen();
        if seen.cut_at.is_some() {
            return Verdict::Cut;
        }
        seen.points += 1;
        let is_end = seen.at == Some(seen.points);
        if is_end {
            seen.cut_at = Some(format!("point {}: {words}", seen.points));
        }
        let kind = PointKind {
            step: seen.step.clone(),
            what: words,
        };
        let number = seen.points;
        if seen.kinds.insert(kind.clone()) {
            seen.firsts.push((number, kind));
        }
        drop(seen);
        if is_end {
            self.cut.notify_one();
            return Verdict::Cut;
        }
        Verdict::Continue
    }
}

impl Probe for Killer {
    fn reached(&self, point: &Point) -> Verdict {
        self.pass(match point {
            Point::Sent(target) => format!("request sent to {target}"),
            Point::Received(target) => format!("reply received from {target}"),
            Point::Journalled => "journal written".to_owned(),
        })
    }

    fn is_cut(&self) -> bool {
        self.seen().cut_at.is_some()
    }
}
