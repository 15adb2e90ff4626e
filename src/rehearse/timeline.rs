//! What happened in a rehearsal and when, and what was waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::execute::{Event, EventKind, Sink};

/// Collects a run's events, and passes them on.
pub struct Recorder {
    events: Mutex<Vec<Event>>,
    next: Arc<dyn Sink>,
}

/// A wait and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// The step.
    pub step: Option<String>,
    /// What was waited for.
    pub what: String,
    /// How many seconds.
    pub seconds: u64,
    /// How many are normal.
    pub normal: u64,
}

impl Recorder {
    /// Passes events on to another sink.
    pub fn new(next: Arc<dyn Sink>) -> Self {
        Self {
            events: Mutex::default(),
            next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all events so far.
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }
}

impl Sink for Recorder {
    fn event(&self, event: &Event) {
        self.lock().push(event.clone());
        self.next.event(event);
    }
}

/// Returns what was waited for, longest first; equal waits of one step are one.
pub(super) fn waits(events: &[Event]) -> Vec<Wait> {
    let mut found: Vec<(Wait, Timestamp, bool)> = Vec::new();
    for event in events {
        let step = event.step.as_ref().map(ToString::to_string);
        match &event.kind {
            EventKind::Waiting {
                what,
                elapsed,
                normal,
                ..
            } => {
                let open = found
                    .iter_mut()
                    .find(|(wait, _, open)| *open && wait.step == step && wait.what == *what);
                if let Some((wait, at, _)) = open {
                    wait.seconds = *elapsed;
                    *at = event.at;
                } else {
                    let wait = Wait {
                        step,
                        what: what.clone(),
                        seconds: *elapsed,
                        normal: *normal,
                    };
                    found.push((wait, event.at, true));
                }
            }
            // A wait tells of itself now and then; it lasts until its step ends.
            EventKind::Done { .. } | EventKind::Failed { .. } => {
                let open = found
                    .iter_mut()
                    .filter(|(wait, _, open)| *open && wait.step == step);
                for (wait, at, open) in open {
                    let more = event.at.duration_since(*at).as_secs();
                    wait.seconds += u64::try_from(more).unwrap_or(0);
                    *open = false;
                }
            }
            _ => {}
        }
    }
    let mut waits: Vec<Wait> = found.into_iter().map(|(wait, _, _)| wait).collect();
    waits.sort_by_key(|wait| std::cmp::Reverse(wait.seconds));
    waits
}
