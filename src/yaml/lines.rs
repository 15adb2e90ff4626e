//! On which lines all values of a stream of documents stand, in one pass.

use std::ops::ControlFlow;

use serde_saphyr::granit_parser::{self, Event, Parser};

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnedStep {
    /// Into a mapping.
    Key(String),
    /// Into a list, counted from 0.
    Index(usize),
}

/// Calls for every value, containers among them, with its document, counted from 0, the way to it, and
/// the line, counted from 1, of its key or else of itself. Ends when it is told to, where the text is
/// not YAML, and at a key that is no scalar.
pub fn each_line(text: &str, mut found: impl FnMut(usize, &[OwnedStep], usize) -> ControlFlow<()>) {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = 0;
    let mut way = Way::default();
    while let Some(Ok((event, span))) = parser.next_event() {
        let line = span.start.line();
        let container = match event {
            // It comes before its value.
            Event::Anchor(..) => continue,
            Event::DocumentStart(..) => {
                documents += 1;
                way = Way::default();
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                way.leave();
                continue;
            }
            Event::Scalar(text, ..) if way.wants_key() => {
                way.key = Some((text.into_owned(), line));
                continue;
            }
            _ if way.wants_key() => return,
            Event::Scalar(..) | Event::Alias(..) | Event::UnresolvedAlias(..) => None,
            Event::MappingStart(..) => Some(Container::Mapping),
            Event::SequenceStart(..) => Some(Container::Sequence { next: 0 }),
            _ => continue,
        };
        let line = way.enter(line);
        if found(documents - 1, &way.steps, line).is_break() {
            return;
        }
        match container {
            Some(container) => way.open.push(container),
            None => way.done(),
        }
    }
}

/// The way from a document's root.
#[derive(Default)]
struct Way {
    steps: Vec<OwnedStep>,
    open: Vec<Container>,
    /// The key of the innermost mapping whose value comes next, and its line.
    key: Option<(String, usize)>,
}

enum Container {
    Mapping,
    Sequence { next: usize },
}

impl Way {
    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Container::Mapping)) && self.key.is_none()
    }

    /// Goes to the next value, which begins on this line; returns the line that it is known by.
    fn enter(&mut self, line: usize) -> usize {
        match self.open.last_mut() {
            None => line,
            Some(Container::Mapping) => {
                let (key, line) = self.key.take().unwrap_or_default();
                self.steps.push(OwnedStep::Key(key));
                line
            }
            Some(Container::Sequence { next }) => {
                self.steps.push(OwnedStep::Index(*next));
                *next += 1;
                line
            }
        }
    }

    /// Comes back from a value.
    fn done(&mut self) {
        self.steps.pop();
    }

    /// Comes back from a container.
    fn leave(&mut self) {
        self.open.pop();
        self.done();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(text, |document, way, line| {
            let way: String = way
                .iter()
                .map(|step| match step {
                    OwnedStep::Key(key) => format!(".{key}"),
                    OwnedStep::Index(index) => format!("[{index}]"),
                })
                .collect();
            lines.push(format!("{document}{way}:{line}"));
            ControlFlow::Continue(())
        });
        lines
    }

    #[test]
    fn every_value_is_found_once_on_its_line() {
        let text = "\
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
? explicit
: value
last: *alias
&key named: &map
  x: [&one 1, *one]
";
        assert_eq!(
            lines(text),
            [
                "0:2",
                "0.a:2",
                "0.deep:3",
                "0.deep[0]:4",
                "0.deep[0].x:4",
                "0.deep[1]:6",
                "0.deep[1].y:6",
                "0.deep[1].y[0]:6",
                "0.deep[1].y[1]:7",
                "0.deep[1].z:8",
                "1:11",
                "1.explicit:11",
                "1.last:13",
                "1.named:14",
                "1.named.x:15",
                "1.named.x[0]:15",
                "1.named.x[1]:15",
            ]
        );
    }

    #[test]
    fn what_is_no_yaml_ends_it() {
        assert_eq!(lines("{\n\"a\": 1}"), ["0:1", "0.a:2"]);
        assert_eq!(lines("a: 1\n[b]: 2\nc: 3\n"), ["0:1", "0.a:1"]);
        assert_eq!(lines("a: ["), ["0:1", "0.a:1"]);
        assert_eq!(lines(""), [""; 0]);
    }
}
