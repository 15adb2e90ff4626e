//! On which line of a stream of documents a value stands.

use std::ops::ControlFlow;

use super::lines::{OwnedStep, each_line};

/// One step on the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a mapping.
    Key(&'a str),
    /// Into a list, counted from 0.
    Index(usize),
}

impl Step<'_> {
    fn is(&self, other: &OwnedStep) -> bool {
        match (self, other) {
            (Self::Key(own), OwnedStep::Key(other)) => own == other,
            (Self::Index(own), OwnedStep::Index(other)) => own == other,
            _ => false,
        }
    }
}

/// Returns the line, counted from 1, on which a value stands, or its key where it has one; `None`
/// when the way leads nowhere or the text is not YAML up to there. Documents are counted from 0.
pub fn line_of(text: &str, document: usize, steps: &[Step<'_>]) -> Option<usize> {
    let mut found = None;
    each_line(text, |at, way, line| {
        let is_it = at == document
            && way.len() == steps.len()
            && steps.iter().zip(way).all(|(step, other)| step.is(other));
        if !is_it {
            return ControlFlow::Continue(());
        }
        found = Some(line);
        ControlFlow::Break(())
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# first
a: 1
deep:
  - {x: 1}
  -
    y: [1,
      2]
    z: |
      text
---
a: other
? complex
: value
last: *alias
";

    #[test]
    fn every_value_is_found_on_the_line_of_its_key() {
        let line = |document, steps: &[Step<'_>]| line_of(TEXT, document, steps);
        let key = Step::Key;
        assert_eq!(line(0, &[key("a")]), Some(2));
        assert_eq!(line(0, &[key("deep"), Step::Index(0), key("x")]), Some(4));
        assert_eq!(line(0, &[key("deep"), Step::Index(1), key("z")]), Some(8));
        let two = [key("deep"), Step::Index(1), key("y"), Step::Index(1)];
        assert_eq!(line(0, &two), Some(7));
        assert_eq!(line(1, &[key("a")]), Some(11));
        assert_eq!(line(1, &[key("last")]), Some(14));
        assert_eq!(line(1, &[]), Some(11));
        assert_eq!(
            line_of("{\n\"a\": {\n\"b\": 1}}", 0, &[key("a"), key("b")]),
            Some(3)
        );
        let anchored = "l: &list\n- &one 1\n- &two\n  a: 2\n";
        let way = [key("l"), Step::Index(1), key("a")];
        assert_eq!(line_of(anchored, 0, &way), Some(4));
    }

    #[test]
    fn ways_that_lead_nowhere_have_no_line() {
        for (document, steps) in [
            (0, [Step::Key("none"), Step::Key("x")]),
            (0, [Step::Key("a"), Step::Key("x")]),
            (0, [Step::Key("deep"), Step::Index(9)]),
            (2, [Step::Key("a"), Step::Key("x")]),
        ] {
            assert_eq!(line_of(TEXT, document, &steps), None, "{steps:?}");
        }
        assert_eq!(line_of("a: [", 0, &[Step::Key("a"), Step::Index(1)]), None);
    }
}
