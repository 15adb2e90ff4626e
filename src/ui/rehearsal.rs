//! A finished rehearsal as text: the timeline, what was waited for, what the world says.

use std::fmt::Write as _;

use crate::execute::{Event, EventKind};
use crate::rehearse::{Need, Rehearsed, Report};
use crate::ui::progress::duration;

/// How many waits are listed; the rest are short.
const LISTED_WAITS: usize = 8;

/// Words a rehearsal.
pub fn text(cluster: &str, seed: u64, rehearsed: &Rehearsed, needs: &[Need]) -> String {
    let mut text = String::new();
    timeline(&mut text, rehearsed);
    waits(&mut text, rehearsed);
    world(&mut text, &rehearsed.report);
    if !needs.is_empty() {
        text.push_str("\nWhat a real run would need next\n");
        for need in needs {
            line(&mut text, format_args!("  {}: {}", need.what, need.remedy));
        }
    }
    let (verdict, length) = (verdict(rehearsed), duration(simulated_seconds(rehearsed)));
    line(
        &mut text,
        format_args!(
            "\nRehearsed the bootstrap of `{cluster}` with seed {seed}: {verdict}, {length} of simulated time"
        ),
    );
    text
}

/// Returns how long the rehearsal took in its own time.
pub fn simulated_seconds(rehearsed: &Rehearsed) -> u64 {
    let last = rehearsed
        .events
        .last()
        .map_or(rehearsed.began, |event| event.at);
    u64::try_from(last.duration_since(rehearsed.began).as_secs()).unwrap_or(0)
}

fn verdict(rehearsed: &Rehearsed) -> &'static str {
    match (&rehearsed.outcome, &rehearsed.killed) {
        (Ok(_), None) => "it works",
        (Ok(_), Some(_)) => "killed, run again, and it works",
        (Err(_), _) => "it does not get there",
    }
}

/// One line for each step, by the time of its end.
fn timeline(text: &mut String, rehearsed: &Rehearsed) {
    text.push_str("Timeline\n");
    for event in &rehearsed.events {
        let Some(step) = &event.step else { continue };
        let ended = match &event.kind {
            EventKind::Done { took } => format!("took {}", duration(took / 1000)),
            EventKind::Skipped { .. } => "not needed".to_owned(),
            EventKind::Failed { message, .. } => format!("failed: {message}"),
            _ => continue,
        };
        line(
            text,
            format_args!(
                "  {}  {:<24} {ended}",
                clock(event, rehearsed),
                step.as_str()
            ),
        );
    }
    if let Some(killed) = &rehearsed.killed {
        line(
            text,
            format_args!("  The first run was killed at {killed}."),
        );
    }
    for (fault, node) in &rehearsed.faults {
        line(text, format_args!("  {}: `{node}`", fault.sentence()));
    }
}

fn clock(event: &Event, rehearsed: &Rehearsed) -> String {
    let seconds = event.at.duration_since(rehearsed.began).as_secs().max(0);
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn waits(text: &mut String, rehearsed: &Rehearsed) {
    let waits = rehearsed.waits();
    if waits.is_empty() {
        return;
    }
    text.push_str("\nWaited longest for\n");
    for wait in waits.iter().take(LISTED_WAITS) {
        let (took, normal) = (duration(wait.seconds), duration(wait.normal));
        line(
            text,
            format_args!("  {took:>11}  {} (normal: up to {normal})", wait.what),
        );
    }
}

fn world(text: &mut String, report: &Report) {
    text.push_str("\nWhat the simulated world says\n");
    for cluster in &report.etcd_clusters {
        line(
            text,
            format_args!(
                "  etcd was bootstrapped on `{}` and has {}",
                cluster.bootstrapped_on,
                counted(cluster.voters.len(), "voting member")
            ),
        );
    }
    if report.etcd_clusters_bootstrapped > 1 {
        line(
            text,
            format_args!("  THE CLUSTER WAS SPLIT: etcd was bootstrapped more than once"),
        );
    }
    let ready = report.gitops.iter().filter(|object| object.ready).count();
    let nodes = report.nodes.iter().filter(|node| node.ready).count();
    line(
        text,
        format_args!(
            "  {nodes} of {} and {ready} of {} are ready; {} written",
            counted(report.nodes.len(), "node"),
            counted(report.gitops.len(), "GitOps object"),
            match report.wipes.len() {
                1 => "1 disk was".to_owned(),
                disks => format!("{disks} disks were"),
            }
        ),
    );
    line(
        text,
        format_args!(
            "  the Git remote served what is rendered here ({} files); nothing was cloned from anywhere",
            report.git.files
        ),
    );
}

fn counted(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

/// Writing to a string does not fail.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{arguments}");
}
