//! Lines for logs and programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;

use super::words;
use crate::execute::{Event, EventKind, Sink};
use crate::plan::StepId;

/// A wait that goes on as it was is told again after so many seconds of it.
const AGAIN: u64 = 300;

/// One line of text for each event that tells something new.
#[derive(Debug, Default)]
pub struct PlainLines {
    start: OnceLock<Timestamp>,
    waits: Mutex<Waits>,
}

/// What was told last of each step that waits.
#[derive(Debug, Default)]
struct Waits(BTreeMap<StepId, (String, u64)>);

impl Waits {
    /// Tells whether an event is worth a line.
    fn is_news(&mut self, event: &Event) -> bool {
        let Some(step) = &event.step else { return true };
        let EventKind::Waiting { seen, elapsed, .. } = &event.kind else {
            self.0.remove(step);
            return true;
        };
        let is_old = |(told, at): &(String, u64)| told == seen && *elapsed < at + AGAIN;
        if self.0.get(step).is_some_and(is_old) {
            return false;
        }
        self.0.insert(step.clone(), (seen.clone(), *elapsed));
        true
    }
}

impl Sink for PlainLines {
    fn event(&self, event: &Event) {
        let start = *self.start.get_or_init(|| event.at);
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if !waits.is_news(event) {
            return;
        }
        if let Some(line) = words::line(event, start) {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }
}

/// One JSON object a line for each event.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonLines;

impl Sink for JsonLines {
    fn event(&self, event: &Event) {
        if let Ok(line) = serde_json::to_string(event) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds of a wait at which lines are written, of looks that saw this.
    fn told(looks: &[(u64, &str)]) -> Vec<u64> {
        let mut waits = Waits::default();
        let event = |elapsed: u64, seen: &str| Event {
            at: Timestamp::UNIX_EPOCH,
            step: Some(StepId::of("answers", "talos-2")),
            node: None,
            kind: EventKind::Waiting {
                what: "`talos-2` answers".to_owned(),
                because: "Talos installs itself".to_owned(),
                seen: seen.to_owned(),
                elapsed,
                normal: 300,
            },
        };
        let news = looks
            .iter()
            .filter(|(at, seen)| waits.is_news(&event(*at, seen)));
        news.map(|(at, _)| *at).collect()
    }

    #[test]
    fn a_wait_that_goes_on_as_it_was_is_told_every_five_minutes() {
        let looks: Vec<_> = (0..30).map(|look| (39 * look, "timed out")).collect();
        assert_eq!(told(&looks), [0, 312, 624, 936]);
    }

    #[test]
    fn what_changes_is_told_at_once() {
        let looks = [
            (0, "connection refused"),
            (39, "timed out"),
            (78, "timed out"),
            (117, "connection refused"),
        ];
        assert_eq!(told(&looks), [0, 39, 117]);
    }
}
