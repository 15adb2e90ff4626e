//! The signals that would end the process while plaintext lies in a file.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Ctrl-C: everything in the foreground has got it.
    Keyboard,
    /// Somebody else wants the process to end.
    Ordered(&'static str),
}

/// The signals, caught from now on.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::Keyboard,
            _ = self.terminate.recv() => Interruption::Ordered("terminated"),
            _ = self.hangup.recv() => Interruption::Ordered("the terminal was closed"),
            _ = self.quit.recv() => Interruption::Ordered("Ctrl-\\"),
        }
    }
}
