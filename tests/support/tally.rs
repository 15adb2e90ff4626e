//! Counts the cases with needs beyond the source tree, and prints what became of them.
//!
//! The lines follow the harness' own result, so that nobody takes "ok" for "tried against the
//! real thing" where it was not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many ran, and how many did not, by reason and remedy.
#[derive(Debug, Default)]
struct Tally {
    ran: usize,
    ignored: BTreeMap<(String, String), usize>,
    judged: BTreeMap<&'static str, [usize; 2]>,
}

static TALLY: Mutex<Tally> = Mutex::new(Tally {
    ran: 0,
    ignored: BTreeMap::new(),
    judged: BTreeMap::new(),
});

fn tally() -> MutexGuard<'static, Tally> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a case that had all it needs.
pub fn ran() {
    tally().ran += 1;
}

/// Counts a case that lacked something.
pub fn ignored(what: &str, remedy: &str) {
    *tally()
        .ignored
        .entry((what.to_owned(), remedy.to_owned()))
        .or_default() += 1;
}

/// Counts what Talos and we gave the same verdict on: taken, and refused.
pub fn judged(what: &'static str, [taken, refused]: [usize; 2]) {
    let mut tally = tally();
    let sums = tally.judged.entry(what).or_default();
    sums[0] += taken;
    sums[1] += refused;
}

/// Prints the summary, if there is anything to say.
#[expect(
    clippy::print_stdout,
    reason = "the harness reports on standard output"
)]
pub fn print() {
    print!("{}", describe(&tally()));
}

fn describe(tally: &Tally) -> String {
    let ignored: usize = tally.ignored.values().sum();
    if tally.ran + ignored == 0 {
        return String::new();
    }
    let mut text = format!("real parts: {} ran; {ignored} ignored", tests(tally.ran));
    text.push_str(if ignored == 0 { "\n" } else { ":\n" });
    for ((what, remedy), count) in &tally.ignored {
        writeln!(text, "  {}: {what} ({remedy})", tests(*count)).expect("a string takes all");
    }
    for (what, [taken, refused]) in &tally.judged {
        let all = taken + refused;
        writeln!(
            text,
            "verdicts as Talos': {all} {what}, {taken} taken and {refused} refused by both"
        )
        .expect("a string takes all");
    }
    text.push('\n');
    text
}

fn tests(count: usize) -> String {
    format!("{count} test{}", if count == 1 { "" } else { "s" })
}

/// The summary of these counts, for the harness' own test.
pub fn sample(ran: usize, ignored: &[(&str, &str, usize)]) -> String {
    describe(&Tally {
        ran,
        ignored: ignored
            .iter()
            .map(|(what, remedy, count)| (((*what).to_owned(), (*remedy).to_owned()), *count))
            .collect(),
        judged: BTreeMap::new(),
    })
}
