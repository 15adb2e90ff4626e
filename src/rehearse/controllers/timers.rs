//! When something that began will be over.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::rehearse::span::Span;

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
        let begun = match self.begun.get(what) {
            Some(begun) => *begun,
            None => *self.begun.entry(what.to_owned()).or_insert(now),
        };
        let ends = begun.checked_add(span.of(self.seed, what));
        let ends = ends.map_or(Timestamp::MAX, whole_second);
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

/// Returns the first whole second from a moment on: what happens in one second happens at once, so
/// that a thousand pods take no more rounds than three.
pub(in crate::rehearse) fn whole_second(moment: Timestamp) -> Timestamp {
    let seconds = moment.as_second() + i64::from(moment.subsec_nanosecond() > 0);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
