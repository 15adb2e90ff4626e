//! When something that began will be over.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::durations::Span;

/// What has begun and when; controllers ask whether a span has passed since.
#[derive(Debug)]
pub(super) struct Timers {
    seed: u64,
    now: Timestamp,
    begun: BTreeMap<String, Timestamp>,
    due: Option<Timestamp>,
}

impl Timers {
    pub(super) fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            seed,
            now,
            begun: BTreeMap::new(),
            due: None,
        }
    }

    /// Starts a round of questions at this moment.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.due = None;
    }

    /// Returns when the next answer changes, as far as anybody asked in this round.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Tells whether the span has passed since this was first asked about.
    pub(super) fn has_passed(&mut self, what: &str, span: Span) -> bool {
        let now = self.now;
        let begun = *self.begun.entry(what.to_owned()).or_insert(now);
        let ends = begun
            .checked_add(span.of(self.seed, what))
            .unwrap_or(Timestamp::MAX);
        if ends <= self.now {
            return true;
        }
        self.due = Some(self.due.map_or(ends, |due| due.min(ends)));
        false
    }

    /// Forgets that this began.
    pub(super) fn reset(&mut self, what: &str) {
        self.begun.remove(what);
    }
}
