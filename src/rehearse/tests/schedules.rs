//! Faults of the seed's choice, singly and together, and what is broken put right afterwards.

use super::*;

/// How many schedules the ordinary test run plays.
const SCHEDULES: u64 = 300;

/// Nothing that must never happen happens, every failure says what to do, and once the cause is
/// put right, running again finishes the work.
fn assert_safe(stage: &Stage, script: &Script) {
    let told = rehearse(stage, script);
    let report = &told.report;
    assert_eq!(report.violations, [], "{script}");
    assert!(report.etcd_clusters_bootstrapped <= 1, "{script}");
    for attempt in &told.attempts {
        let End::Over(Err(error)) = &attempt.end else {
            continue;
        };
        let says_what_to_do = match error {
            RunError::Refused { refusals, .. } => refusals.iter().all(|it| !it.remedy.is_empty()),
            RunError::Step { diagnosis, .. } => !diagnosis.command.is_empty(),
            RunError::Locked | RunError::State(_) => false,
        };
        assert!(says_what_to_do, "{script}: {error:?}");
    }
    assert!(told.converged(), "{script}: {:?}", told.error());
    assert_whole(report, &script.to_string());
}

#[test]
fn whatever_the_seed_breaks_the_cluster_comes_up_once_it_is_mended() {
    let stage = stage();
    let scripts = (0..SCHEDULES).map(Script::random).collect();
    for_all(scripts, |script| assert_safe(&stage, script));
}

#[test]
#[ignore = "takes as long as it is told to; `scripts/soak` runs it"]
fn soak() {
    let number = |name| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let count = number("SOAK_COUNT").unwrap_or(1000);
    let first = number("SOAK_FIRST").unwrap_or(SCHEDULES);
    let (stage, began) = (stage(), std::time::Instant::now());
    let scripts = (first..first + count).map(Script::random).collect();
    for_all(scripts, |script| assert_safe(&stage, script));
    tell(&format!("{count} schedules from seed {first} on"), began);
}
