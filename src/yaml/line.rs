//! On which line of a stream of documents a value stands.

use serde_saphyr::granit_parser::{self, Event, Parser, StrInput};

/// One step on the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a mapping.
    Key(&'a str),
    /// Into a list, counted from 0.
    Index(usize),
}

/// Returns the line, counted from 1, on which a value stands, or its key where it has one; `None`
/// when the way leads nowhere or the text is not YAML up to there. Documents are counted from 0.
pub fn line_of(text: &str, document: usize, steps: &[Step<'_>]) -> Option<usize> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
    };
    let mut search = Search {
        parser: Parser::new_from_str_with_options(text, options),
    };
    let mut seen = 0;
    loop {
        let (event, _) = search.next()?;
        if matches!(event, Event::DocumentStart(..)) {
            if seen == document {
                break;
            }
            seen += 1;
        }
    }
    search.find(steps)
}

struct Search<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Search<'a> {
    /// The next event and its line; an anchor, which comes before its value, is passed over.
    fn next(&mut self) -> Option<(Event<'a>, usize)> {
        loop {
            let (event, span) = self.parser.next_event()?.ok()?;
            if !matches!(event, Event::Anchor(..)) {
                return Some((event, span.start.line()));
            }
        }
    }

    fn find(&mut self, steps: &[Step<'_>]) -> Option<usize> {
        let (mut event, mut line) = self.next()?;
        for step in steps {
            line = match (step, event) {
                (Step::Key(key), Event::MappingStart(..)) => self.go_to_key(key)?,
                (Step::Index(index), Event::SequenceStart(..)) => {
                    for _ in 0..*index {
                        self.skip()?;
                    }
                    0
                }
                _ => return None,
            };
            let value;
            (event, value) = self.next()?;
            if line == 0 {
                line = value;
            }
        }
        Some(line)
    }

    /// Goes behind a key of the mapping that has begun.
    fn go_to_key(&mut self, wanted: &str) -> Option<usize> {
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::Scalar(key, ..) if key == wanted => return Some(line),
                Event::MappingEnd => return None,
                other => self.skip_rest(&other)?,
            }
            self.skip()?;
        }
    }

    /// Goes behind the next value.
    fn skip(&mut self) -> Option<()> {
        let (event, _) = self.next()?;
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            return None;
        }
        self.skip_rest(&event)
    }

    /// Goes behind a value whose first event was read.
    fn skip_rest(&mut self, event: &Event<'_>) -> Option<()> {
        let mut depth = usize::from(matches!(
            event,
            Event::SequenceStart(..) | Event::MappingStart(..)
        ));
        while depth > 0 {
            match self.next()?.0 {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }
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
