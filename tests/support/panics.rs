//! A case that panics says where, once, and in the list of failures.
//!
//! The harness alone would print the default report (with a backtrace where `RUST_BACKTRACE` is
//! set) between the lines of other cases, and the message without its place at the end.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// What the last panic of this thread said, while a case runs on it.
    static SAID: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Takes the reports of panics in cases; threads that a case starts report as ever.
pub fn take_reports() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let taken = SAID.with_borrow_mut(|said| match said {
            Some(report) => {
                report.get_or_insert_with(|| describe(info));
                true
            }
            None => false,
        });
        if !taken {
            default(info);
        }
    }));
}

/// Runs a case; a panic becomes the failure's text.
pub fn caught(body: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    SAID.set(Some(None));
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let said = SAID.take().flatten();
    outcome.unwrap_or_else(|_| Err(said.unwrap_or_else(|| "panicked".to_owned())))
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
