//! Ends a run at a chosen point, as `kill -9` or a power cut would.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::connect::{Point, Probe, Verdict};

/// Counts the points of a run and cuts it at one of them.
#[derive(Debug, Default)]
pub struct Killer {
    /// The point at which the run ends, counted from 1; none lets it live.
    at: Option<u64>,
    seen: Mutex<Seen>,
    cut: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    points: u64,
    kinds: BTreeSet<String>,
    cut_at: Option<String>,
}

impl Killer {
    /// Lets the run live until this point.
    pub fn new(at: Option<u64>) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many points were reached.
    pub fn points(&self) -> u64 {
        self.seen().points
    }

    /// Returns how many of them were different in kind: what, and with whom.
    pub fn distinct(&self) -> usize {
        self.seen().kinds.len()
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

impl Probe for Killer {
    fn reached(&self, point: &Point) -> Verdict {
        let mut seen = self.seen();
        if seen.cut_at.is_some() {
            return Verdict::Cut;
        }
        let words = match point {
            Point::Sent(target) => format!("request sent to {target}"),
            Point::Received(target) => format!("reply received from {target}"),
            Point::Journalled => "journal written".to_owned(),
        };
        seen.points += 1;
        let is_end = self.at == Some(seen.points);
        if is_end {
            seen.cut_at = Some(format!("point {}: {words}", seen.points));
        }
        seen.kinds.insert(words);
        drop(seen);
        if is_end {
            self.cut.notify_one();
            return Verdict::Cut;
        }
        Verdict::Continue
    }

    fn is_cut(&self) -> bool {
        self.seen().cut_at.is_some()
    }
}
