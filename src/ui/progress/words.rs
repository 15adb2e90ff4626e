//! An event as one line of text.

use jiff::Timestamp;

use crate::execute::{Event, EventKind};

/// Words an event; `None` when a line would tell nothing new.
///
/// The line begins with the time since `start`, then the step.
pub fn line(event: &Event, start: Timestamp) -> Option<String> {
    let text = text(&event.kind)?;
    let (clock, step) = (clock(since(event, start)), step(event));
    Some(format!("{clock}  {step:<22}  {text}"))
}

/// Words an event beside a clock that goes on by itself.
pub(super) fn line_beside_clock(event: &Event) -> Option<String> {
    let text = match &event.kind {
        EventKind::Waiting {
            because,
            seen,
            normal,
            ..
        } => format!(
            "waiting: {seen} (normal: up to {}; {because})",
            duration(*normal)
        ),
        kind => text(kind)?,
    };
    Some(format!("{:<22}  {text}", step(event)))
}

/// Returns how many seconds after `start` it happened.
pub(super) fn since(event: &Event, start: Timestamp) -> u64 {
    u64::try_from(event.at.duration_since(start).as_secs()).unwrap_or(0)
}

/// Words seconds as a clock shows them: minutes and seconds.
pub(super) fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn step(event: &Event) -> &str {
    event.step.as_ref().map_or("", |step| step.as_str())
}

fn text(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::Observing { what } => format!("looking at {what}"),
        EventKind::Planned { plan } if plan.refusals.is_empty() => {
            format!("{} steps planned", plan.steps.len())
        }
        EventKind::Planned { .. } => return None,
        EventKind::Started { what } => what.clone(),
        EventKind::Progress { message } => message.clone(),
        EventKind::Waiting {
            because,
            seen,
            elapsed,
            normal,
            ..
        } => format!(
            "waiting {}: {seen} (normal: up to {}; {because})",
            duration(*elapsed),
            duration(*normal)
        ),
        EventKind::Done { took } => format!("done in {}", duration(took / 1000)),
        EventKind::Skipped { reason } => format!("skipped: {reason}"),
        EventKind::Failed { message, .. } => format!("failed: {message}"),
    })
}

/// Words a number of seconds: `0 s`, `59 s`, `2 min`, `2 min 8 s`.
pub fn duration(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::plan::StepId;

    fn at(second: i64, kind: EventKind) -> Event {
        Event {
            at: Timestamp::from_second(second).expect("in range"),
            step: Some(StepId::of("answers", "talos-2")),
            node: "talos-2".parse().ok(),
            kind,
        }
    }

    #[test]
    fn a_wait_tells_what_was_seen_and_what_is_normal() {
        let waiting = EventKind::Waiting {
            what: "`talos-2` answers".to_owned(),
            because: "Talos installs itself".to_owned(),
            seen: "connection refused".to_owned(),
            elapsed: 65,
            normal: 300,
        };
        let lines = [at(130, waiting), at(258, EventKind::Done { took: 193_400 })]
            .iter()
            .filter_map(|event| line(event, Timestamp::UNIX_EPOCH))
            .collect::<Vec<_>>();
        assert_snapshot!(lines.join("\n"), @"
        02:10  answers/talos-2         waiting 1 min 5 s: connection refused (normal: up to 5 min; Talos installs itself)
        04:18  answers/talos-2         done in 3 min 13 s
        ");
    }

    #[test]
    fn beside_a_clock_a_wait_does_not_tell_for_how_long() {
        let waiting = EventKind::Waiting {
            what: "`talos-2` answers".to_owned(),
            because: "Talos installs itself".to_owned(),
            seen: "connection refused".to_owned(),
            elapsed: 65,
            normal: 300,
        };
        let event = at(130, waiting);
        assert_eq!(clock(since(&event, Timestamp::UNIX_EPOCH)), "02:10");
        let line = line_beside_clock(&event).expect("it is told");
        assert_snapshot!(line, @"answers/talos-2         waiting: connection refused (normal: up to 5 min; Talos installs itself)");
    }
}
