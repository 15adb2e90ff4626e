//! A case that panics says where, once, and in the list of failures.
//!
//! The harness alone would print the default report (with a backtrace where `RUST_BACKTRACE` is
//! set) between the lines of other cases, and the message without its place at the end.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// Whether a case runs on this thread, and what its first panic said.
    static WATCH: RefCell<Watch> = const { RefCell::new(Watch::Off) };
}

/// Whether a case runs on a thread, and what its first panic said.
#[derive(Default)]
enum Watch {
    #[default]
    Off,
    Silent,
    Said(String),
}

/// Takes the reports of panics in cases; threads that a case starts report as ever.
pub fn take_reports() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let taken = WATCH.with_borrow_mut(|watch| {
            if matches!(watch, Watch::Silent) {
                *watch = Watch::Said(describe(info));
            }
            !matches!(watch, Watch::Off)
        });
        if !taken {
            default(info);
        }
    }));
}

/// Runs a case; a panic becomes the failure's text.
pub fn caught(body: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    WATCH.set(Watch::Silent);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let said = match WATCH.take() {
        Watch::Said(report) => report,
        Watch::Off | Watch::Silent => "panicked".to_owned(),
    };
    outcome.unwrap_or(Err(said))
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without words");
    let place = info
        .location()
        .map(|location| format!("\n  at {}:{}", location.file(), location.line()));
    let trace = Backtrace::capture();
    let trace = (std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "full")
        && trace.status() == BacktraceStatus::Captured)
        .then(|| format!("\n{trace}"));
    [Some(message.to_owned()), place, trace]
        .into_iter()
        .flatten()
        .collect()
}
