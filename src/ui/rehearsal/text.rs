//! A finished rehearsal as text: the timeline, what was waited for, what the world says.

use std::fmt::Write as _;

use crate::rehearse::{BarEnd, Need, Rehearsed, Report, Story};
use crate::ui::progress::duration;

/// How many waits are listed; the rest are short.
const LISTED_WAITS: usize = 8;

/// Words a rehearsal.
pub fn text(story: &Story, rehearsed: &Rehearsed, needs: &[Need]) -> String {
    let mut text = String::new();
    timeline(&mut text, story);
    waits(&mut text, rehearsed);
    world(&mut text, &rehearsed.report);
    if !needs.is_empty() {
        text.push_str("\nWhat a real run would need next\n");
        for need in needs {
            line(&mut text, format_args!("  {}: {}", need.what, need.remedy));
        }
    }
    let (verdict, length) = (verdict(rehearsed), duration(story.length / 1000));
    line(
        &mut text,
        format_args!(
            "\nRehearsed the bootstrap of `{}` with seed {}: {verdict}, {length} of simulated time",
            story.cluster, rehearsed.report.seed
        ),
    );
    text
}

fn verdict(rehearsed: &Rehearsed) -> &'static str {
    match (rehearsed.converged(), rehearsed.killed()) {
        (true, None) if rehearsed.attempts.len() > 1 => "mended, run again, and it works",
        (true, None) => "it works",
        (true, Some(_)) => "killed, run again, and it works",
        (false, _) => "it does not get there",
    }
}

/// One line for each step, by the time of its end; between them what went wrong.
fn timeline(text: &mut String, story: &Story) {
    text.push_str("Timeline\n");
    let mut lines: Vec<(u64, String)> = Vec::new();
    for bar in story.bars() {
        let ended = match &bar.end {
            BarEnd::Done => format!("took {}", duration(bar.seconds())),
            BarEnd::Skipped(_) => "not needed".to_owned(),
            BarEnd::Failed(message) => format!("failed: {message}"),
            BarEnd::CutOff => "was under way".to_owned(),
        };
        lines.push((bar.to, format!("{:<24} {ended}", bar.step)));
    }
    for mark in &story.marks {
        let node = mark.node.as_ref().map(|node| format!(": `{node}`"));
        lines.push((
            mark.at,
            format!("! {}{}", mark.what, node.unwrap_or_default()),
        ));
    }
    for (number, run) in (2..).zip(story.runs.iter().skip(1)) {
        lines.push((run.from, format!("> run {number} begins")));
    }
    lines.sort_by_key(|(at, _)| *at);
    for (at, told) in lines {
        line(text, format_args!("  {}  {told}", clock(at)));
    }
}

fn clock(millis: u64) -> String {
    let seconds = millis / 1000;
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
    for violation in &report.violations {
        line(text, format_args!("  WHAT MUST NEVER HAPPEN: {violation}"));
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
