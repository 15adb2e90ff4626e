//! Where in a text a value stands, for messages about files that people write.

use super::parse::{ContainerKind, Event, EventKind, events};
use crate::path::Step;

/// Returns the line of a value, counted from 1: that of its key, where it has one.
pub(crate) fn line_of(text: &str, steps: &[Step]) -> Option<usize> {
    let events = events(text).ok()?;
    let events: Vec<Event<'_>> = events
        .into_iter()
        .filter(|event| {
            !matches!(
                event.kind,
                EventKind::Comment { .. } | EventKind::DocumentStart
            )
        })
        .collect();
    let mut node = 0;
    let mut line = events.first()?.at.line;
    for step in steps {
        let Some((found, at)) = child(&events, node, step) else {
            break;
        };
        (node, line) = (found, at);
    }
    Some(line)
}

/// The node that a step leads to, and the line where it is announced.
fn child(events: &[Event<'_>], node: usize, step: &Step) -> Option<(usize, usize)> {
    let EventKind::Start { kind, .. } = events.get(node)?.kind else {
        return None;
    };
    let mut next = node + 1;
    let mut index = 0;
    while let Some(event) = events.get(next) {
        let value = match (kind, &event.kind) {
            (_, EventKind::End) => return None,
            (ContainerKind::Sequence, _) => next,
            (ContainerKind::Mapping, _) => after(events, next),
        };
        let found = match (step, &event.kind) {
            (Step::Index(wanted), _) => kind == ContainerKind::Sequence && *wanted == index,
            (Step::Key(wanted), EventKind::Scalar(key)) => {
                kind == ContainerKind::Mapping && key.text == *wanted
            }
            _ => false,
        };
        if found {
            return Some((value, event.at.line));
        }
        next = after(events, value);
        index += 1;
    }
    None
}

/// The position behind a node.
fn after(events: &[Event<'_>], node: usize) -> usize {
    let mut depth = 0usize;
    for (position, event) in events.iter().enumerate().skip(node) {
        match event.kind {
            EventKind::Start { .. } => depth += 1,
            EventKind::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return position + 1;
        }
    }
    events.len()
}

#[cfg(test)]
mod tests {
    use super::line_of;
    use crate::path::Step;

    #[test]
    fn a_path_leads_to_the_line_of_its_key() {
        let text = "# first\na:\n  - x: 1\n  - y:\n      z: [1, 2]\n\nb: {c: 3}\n";
        let key = |key: &str| Step::Key(key.to_owned());
        let a = || key("a");
        assert_eq!(line_of(text, &[a()]), Some(2));
        assert_eq!(line_of(text, &[a(), Step::Index(0)]), Some(3));
        assert_eq!(
            line_of(text, &[a(), Step::Index(1), key("y"), key("z")]),
            Some(5)
        );
        assert_eq!(line_of(text, &[key("b"), key("c")]), Some(7));
        assert_eq!(line_of(text, &[a(), Step::Index(1), key("gone")]), Some(4));
    }
}
