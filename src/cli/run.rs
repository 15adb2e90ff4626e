//! What a person can do to a run that goes on: interrupt it, and be told what stands.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Failure, Kind};
use crate::execute::{Event, EventKind, Sink};

/// Tells whether somebody is there to be asked.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Waits for Ctrl-C or a request to terminate; says which.
pub async fn interrupted() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => "Ctrl-C",
                _ = terminate.recv() => "terminated",
            };
        }
    }
    // Without signal handlers the process ends the hard way, which is as safe.
    match tokio::signal::ctrl_c().await {
        Ok(()) => "Ctrl-C",
        Err(_) => std::future::pending().await,
    }
}

/// Passes events on and remembers what stands, for the last words of an interrupted run.
pub struct Progress {
    inner: Arc<dyn Sink>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    over: usize,
    running: BTreeSet<String>,
}

impl Progress {
    /// Watches what passes to a sink.
    pub fn new(inner: Arc<dyn Sink>) -> Self {
        Self {
            inner,
            seen: Mutex::default(),
        }
    }

    /// Says what is done and what was under way.
    pub fn stands(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let running: Vec<_> = seen
            .running
            .iter()
            .map(|step| format!("`{step}`"))
            .collect();
        let done = match seen.over {
            1 => "1 step is done".to_owned(),
            over => format!("{over} steps are done"),
        };
        if running.is_empty() {
            done
        } else {
            format!("{done}, under way: {}", running.join(", "))
        }
    }
}

impl Sink for Progress {
    fn event(&self, event: &Event) {
        if let Some(step) = &event.step {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            match &event.kind {
                EventKind::Started { .. } => {
                    seen.running.insert(step.to_string());
                }
                EventKind::Done { .. } | EventKind::Skipped { .. } => {
                    seen.running.remove(step.as_str());
                    seen.over += 1;
                }
                _ => {}
            }
        }
        self.inner.event(event);
    }
}

/// The last words of an interrupted run.
pub fn interruption(progress: &Progress, signal: &str) -> Failure {
    let failure = Failure::message(
        Kind::Interrupted,
        format!("interrupted ({signal}): {}", progress.stands()),
    );
    failure
        .hint("run the same command again: it looks at the machines and goes on from what stands")
}
