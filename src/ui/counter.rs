//! How far a command is that works through many files: live on a terminal after a second, as a line
//! now and then elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Ui;

/// How long a person waits without being told why.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a log is told.
const PERIOD: Duration = Duration::from_secs(5);

/// Counts what is done.
pub struct Counter<'a> {
    ui: &'a Ui,
    verb: &'static str,
    total: usize,
    is_live: bool,
    state: Mutex<State>,
}

struct State {
    next: Instant,
    bar: Option<ProgressBar>,
}

impl<'a> Counter<'a> {
    /// Starts to count; `verb` says what is done to files, such as `checked`.
    pub fn new(ui: &'a Ui, verb: &'static str, total: usize) -> Self {
        let is_live = std::io::stderr().is_terminal();
        let next = Instant::now() + if is_live { PATIENCE } else { PERIOD };
        let state = Mutex::new(State { next, bar: None });
        Self {
            ui,
            verb,
            total,
            is_live,
            state,
        }
    }

    /// Is told how many are done.
    pub fn done(&self, number: usize) {
        // A counter that another thread is at is told the next number soon.
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        if let Some(bar) = &state.bar {
            bar.set_position(number as u64);
        } else if Instant::now() >= state.next {
            if self.is_live {
                state.bar = Some(self.bar(number));
            } else {
                let Self { verb, total, .. } = self;
                self.ui.note(&format!("{verb} {number} of {total} files"));
                state.next = Instant::now() + PERIOD;
            }
        }
    }

    fn bar(&self, number: usize) -> ProgressBar {
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(self.total as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{msg} {pos} of {len} files {wide_bar}") {
            bar.set_style(style);
        }
        bar.set_message(self.verb);
        bar.set_position(number as u64);
        bar
    }
}

impl Drop for Counter<'_> {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if let Some(bar) = state.ok().and_then(|state| state.bar.take()) {
            bar.finish_and_clear();
        }
    }
}
