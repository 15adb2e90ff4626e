//! Where things lie in a picture of a rehearsal: rows, ticks, words. The page and the picture
//! share it.

use crate::rehearse::{Bar, BarEnd, Lane, LaneKind, Mark, Standing};
use crate::ui::progress::duration;

/// The share of the whole that a bar takes at least, so that it can be seen and touched.
pub(super) const LEAST: f64 = 2.4;
/// How many lanes are drawn; more machines are told of in words.
pub(super) const MOST_LANES: usize = 40;

/// Seconds between two ticks, from fine to coarse.
const TICKS: [u64; 10] = [10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
const MOST_TICKS: u64 = 8;

/// A bar with its row and its place in hundredths of the whole.
pub(super) struct Placed<'a> {
    pub(super) bar: &'a Bar,
    pub(super) row: usize,
    pub(super) from: f64,
    pub(super) width: f64,
}

/// Returns a moment's place in hundredths of the whole.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rehearsal lasts less than 2^52 milliseconds"
)]
pub(super) fn share(at: u64, length: u64) -> f64 {
    at as f64 * 100.0 / length.max(1) as f64
}

/// Puts the bars of a lane into as few rows as keep them apart.
pub(super) fn place(lane: &Lane, length: u64) -> Vec<Placed<'_>> {
    let mut rows: Vec<f64> = Vec::new();
    let placed = lane.bars.iter().map(|bar| {
        let width = share(bar.to - bar.from, length).max(LEAST);
        let from = share(bar.from, length).min(100.0 - width);
        let free = rows.iter().position(|ends| *ends <= from + 0.001);
        let row = free.unwrap_or(rows.len());
        match rows.get_mut(row) {
            Some(ends) => *ends = from + width,
            None => rows.push(from + width),
        }
        Placed {
            bar,
            row,
            from,
            width,
        }
    });
    placed.collect()
}

/// Returns how many rows the bars of a lane take.
pub(super) fn rows(placed: &[Placed<'_>]) -> usize {
    placed.iter().map(|bar| bar.row + 1).max().unwrap_or(0)
}

/// Returns the moments in milliseconds that the axis names, with their names.
pub(super) fn ticks(length: u64) -> Vec<(u64, String)> {
    let seconds = length / 1000;
    let fits = |every: &&u64| seconds / **every <= MOST_TICKS;
    let every = TICKS.iter().find(fits).copied().unwrap_or(14_400);
    (0..=seconds / every)
        .map(|number| (number * every * 1000, short(number * every)))
        .collect()
}

fn short(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, 0) => "0".to_owned(),
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes}:{seconds:02} min"),
    }
}

/// Returns the time of day of the story, in minutes and seconds.
pub(super) fn clock(millis: u64) -> String {
    format!("{}:{:02}", millis / 60_000, millis / 1000 % 60)
}

/// Returns the word for how a bar ended, which is also its class.
pub(super) fn ending(bar: &Bar) -> &'static str {
    match &bar.end {
        BarEnd::Done if bar.is_slow() => "slow",
        BarEnd::Done => "done",
        BarEnd::Skipped(_) => "skipped",
        BarEnd::Failed(_) => "failed",
        BarEnd::CutOff => "cut",
    }
}

/// Says how a bar ended.
pub(super) fn outcome(bar: &Bar) -> String {
    match &bar.end {
        BarEnd::Done if bar.is_slow() => "done, slower than normal".to_owned(),
        BarEnd::Done => "done".to_owned(),
        BarEnd::Skipped(reason) => format!("not needed: {reason}"),
        BarEnd::Failed(message) => format!("failed: {message}"),
        BarEnd::CutOff => "the run ended meanwhile".to_owned(),
    }
}

/// Says what a bar is, in one line.
pub(super) fn label(bar: &Bar) -> String {
    let (from, took) = (clock(bar.from), duration(bar.seconds()));
    format!("{}: {}; at {from} for {took}", bar.step, outcome(bar))
}

/// Says what a mark is, in one line.
pub(super) fn mark_label(mark: &Mark) -> String {
    let node = mark.node.as_ref().map(|node| format!(": {node}"));
    let until = mark.until.map(|until| format!(" until {}", clock(until)));
    format!(
        "{}{}; at {}{}",
        mark.what,
        node.unwrap_or_default(),
        clock(mark.at),
        until.unwrap_or_default()
    )
}

/// Returns the class and the word for a machine's state.
pub(super) fn standing(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Off => ("off", "off"),
        Standing::CutOff => ("cut-off", "cut off"),
        Standing::Maintenance => ("maintenance", "waits for its configuration"),
        Standing::Installing => ("installing", "installs Talos"),
        Standing::Restarting => ("restarting", "restarts"),
        Standing::Booting => ("booting", "starts its services"),
        Standing::Running => ("running", "runs"),
        Standing::Ready => ("ready", "is a ready node"),
    }
}

/// Every state, in the order of the legend.
pub(super) const STANDINGS: [Standing; 8] = [
    Standing::Maintenance,
    Standing::Installing,
    Standing::Restarting,
    Standing::Booting,
    Standing::Running,
    Standing::Ready,
    Standing::CutOff,
    Standing::Off,
];

/// Says whose lane it is.
pub(super) fn role(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Operator => "the run",
        LaneKind::ControlPlane => "control plane",
        LaneKind::Worker => "worker",
        LaneKind::Git => "what Git brings",
    }
}

/// Makes text safe inside an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(number: usize, from: u64, to: u64) -> Bar {
        Bar {
            number,
            run: 1,
            step: format!("step-{number}"),
            what: String::new(),
            node: None,
            from,
            to,
            end: BarEnd::Done,
            waits: Vec::new(),
        }
    }

    #[test]
    fn bars_that_would_hide_each_other_go_into_rows() {
        let lane = Lane {
            name: "homelab".to_owned(),
            kind: LaneKind::Operator,
            bands: Vec::new(),
            bars: vec![
                bar(1, 0, 50_000),
                bar(2, 50_000, 50_000),
                bar(3, 50_000, 50_000),
                bar(4, 60_000, 100_000),
                bar(5, 100_000, 100_000),
            ],
            moments: Vec::new(),
        };
        let placed = place(&lane, 100_000);
        let rows: Vec<usize> = placed.iter().map(|it| it.row).collect();
        assert_eq!(rows, [0, 0, 1, 0, 1]);
        assert!(placed.iter().all(|it| it.from + it.width <= 100.001));
    }

    #[test]
    fn ticks_are_few_and_round() {
        let names =
            |length| -> Vec<String> { ticks(length).into_iter().map(|(_, name)| name).collect() };
        assert_eq!(names(45_000), ["0", "10 s", "20 s", "30 s", "40 s"]);
        let minutes = [
            "0", "1 min", "2 min", "3 min", "4 min", "5 min", "6 min", "7 min",
        ];
        assert_eq!(names(424_000), minutes);
        assert_eq!(names(3_600_000 * 8).len(), 9);
    }

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(
            escape("<a title=\"x\">&'"),
            "&lt;a title=&quot;x&quot;&gt;&amp;&#39;"
        );
    }
}
