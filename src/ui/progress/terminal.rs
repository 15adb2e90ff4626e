//! Live progress: a line for each step that runs, finished ones above it.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;

use super::words;
use crate::execute::{Event, EventKind, Sink};

/// Draws on the terminal behind standard error.
#[derive(Default)]
pub struct Terminal {
    start: OnceLock<Timestamp>,
    lines: MultiProgress,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Sink for Terminal {
    fn event(&self, event: &Event) {
        let start = *self.start.get_or_init(|| event.at);
        let Some(line) = words::line(event, start) else {
            return;
        };
        let step = event.step.as_ref().map_or("", |step| step.as_str());
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            EventKind::Done { .. } | EventKind::Skipped { .. } | EventKind::Failed { .. } => {
                if let Some(bar) = running.remove(step) {
                    bar.finish_and_clear();
                }
                // A terminal that went away leaves nobody to tell.
                let _ = self.lines.println(line);
            }
            EventKind::Planned { .. } => {
                if let Some(bar) = running.remove("") {
                    bar.finish_and_clear();
                }
                let _ = self.lines.println(line);
            }
            _ => running
                .entry(step.to_owned())
                .or_insert_with(|| spinner(&self.lines, words::since(event, start)))
                .set_message(words::line_beside_clock(event).unwrap_or(line)),
        }
    }
}

/// A line whose clock goes on from so many seconds, whatever happens in its step.
fn spinner(lines: &MultiProgress, begun: u64) -> ProgressBar {
    let bar = lines.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {clock}  {wide_msg}") {
        let clock = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A line that cannot be drawn leaves nobody to tell.
            let _ = out.write_str(&words::clock(begun + state.elapsed().as_secs()));
        };
        bar.set_style(style.with_key("clock", clock));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
