//! Steps as bars: from the event that begins one to the event that ends it, with its waits.

use serde::Serialize;

use super::Since;
use crate::execute::{Event, EventKind};
use crate::model::NodeName;
use crate::rehearse::rehearsal::Rehearsed;

/// A step that the engine took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bar {
    /// Its place among all, from 1.
    pub number: usize,
    /// Which run of the engine took it, from 1.
    pub run: usize,
    /// The step's name.
    pub step: String,
    /// What it did.
    pub what: String,
    /// The machine that it was about.
    pub node: Option<NodeName>,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// How it ended.
    pub end: BarEnd,
    /// What it waited for, in order.
    pub waits: Vec<WaitSpell>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarEnd {
    /// It was done.
    Done,
    /// It was not needed; why.
    Skipped(String),
    /// It failed; how.
    Failed(String),
    /// The run ended while it was under way.
    CutOff,
}

/// A spell of waiting in which one thing was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitSpell {
    /// From when.
    pub at: u64,
    /// What was waited for.
    pub what: String,
    /// What was happening meanwhile.
    pub because: String,
    /// What was seen.
    pub seen: String,
    /// How many seconds are normal.
    pub normal: u64,
}

/// Returns the steps of all runs in the order in which they began.
pub(super) fn bars(rehearsed: &Rehearsed, since: Since) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for (index, attempt) in rehearsed.attempts.iter().enumerate() {
        let next = rehearsed.attempts.get(index + 1);
        let until = next.map_or(rehearsed.events.len(), |next| next.events);
        let first = bars.len();
        let events = rehearsed.events.get(attempt.events..until);
        for event in events.unwrap_or_default() {
            tell(&mut bars, first, index + 1, event, since);
        }
        for bar in &mut bars[first..] {
            if bar.end == BarEnd::CutOff {
                bar.to = since.millis(attempt.ended);
            }
        }
    }
    bars
}

fn tell(bars: &mut Vec<Bar>, first: usize, run: usize, event: &Event, since: Since) {
    let Some(step) = &event.step else { return };
    let at = since.millis(event.at);
    if let EventKind::Started { what } = &event.kind {
        bars.push(Bar {
            number: bars.len() + 1,
            run,
            step: step.to_string(),
            what: what.clone(),
            node: event.node.clone(),
            from: at,
            to: at,
            end: BarEnd::CutOff,
            waits: Vec::new(),
        });
        return;
    }
    let own = bars[first..].iter_mut().rev();
    let Some(bar) = own.into_iter().find(|bar| bar.step == step.as_str()) else {
        return;
    };
    match &event.kind {
        EventKind::Waiting {
            what,
            because,
            seen,
            normal,
            ..
        } => {
            let is_same = |last: &WaitSpell| last.what == *what && last.seen == *seen;
            if !bar.waits.last().is_some_and(is_same) {
                bar.waits.push(WaitSpell {
                    at,
                    what: what.clone(),
                    because: because.clone(),
                    seen: seen.clone(),
                    normal: *normal,
                });
            }
        }
        EventKind::Done { .. } => bar.finish(at, BarEnd::Done),
        EventKind::Skipped { reason } => bar.finish(at, BarEnd::Skipped(reason.clone())),
        EventKind::Failed { message, .. } => bar.finish(at, BarEnd::Failed(message.clone())),
        _ => {}
    }
}

impl Bar {
    fn finish(&mut self, at: u64, end: BarEnd) {
        self.to = at;
        self.end = end;
    }

    /// Returns how many seconds it took.
    pub fn seconds(&self) -> u64 {
        (self.to - self.from) / 1000
    }

    /// Tells whether it waited longer than is normal.
    pub fn is_slow(&self) -> bool {
        let normal = self.waits.iter().map(|wait| wait.normal).max();
        normal.is_some_and(|normal| self.seconds() > normal)
    }
}
