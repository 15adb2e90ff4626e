//! Reading files that people write into a tree that knows the place of everything.
//!
//! Stricter than [`parse`](super::parse()): one document, no aliases, no tags, no duplicate keys.
//! Whatever is wrong but leaves the tree readable is reported together with everything else.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_saphyr::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::node::{Entry, Node, NodeKind, Span};
use super::scalar;

/// How much is read before giving up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes.
    pub bytes: usize,
    /// The deepest nesting.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 * 1024 * 1024,
            depth: 64,
        }
    }
}

/// Something that a file must not hold, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ProblemKind,
}

/// What a file must not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// More bytes than the limit.
    TooLarge(usize),
    /// Nothing but comments.
    Empty,
    /// Not YAML, in the parser's words.
    Syntax(String),
    /// A tab where YAML wants spaces.
    Tab,
    /// Deeper nesting than the limit.
    TooDeep(usize),
    /// A second document.
    SecondDocument,
    /// A key that is already there, and the place of the first.
    DuplicateKey(String, Span),
    /// A key that is a list or a mapping.
    ComplexKey,
    /// An alias (`*name`) or a merge key (`<<`).
    Alias,
    /// A tag (`!name`).
    Tag(String),
    /// Infinity or not-a-number.
    NotFinite(String),
}

/// What a text holds, as far as it can be read, and everything that is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The document, when its structure could be read to the end.
    pub node: Option<Node>,
    /// What is wrong, in the order it was found.
    pub problems: Vec<Problem>,
}

/// Parses one document into a tree, as far as it can be read.
pub fn parse_node(source: &str, limits: &Limits) -> Parsed {
    if source.len() > limits.bytes {
        let kind = ProblemKind::TooLarge(limits.bytes);
        let problems = vec![Problem {
            span: Span::default(),
            kind,
        }];
        return Parsed {
            node: None,
            problems,
        };
    }
    let mut reader = Reader::new(source, limits);
    let root = reader.document();
    let mut problems = reader.problems;
    let node = root.map_err(|problem| problems.push(problem)).ok();
    Parsed { node, problems }
}

/// Parses every document of a stream into a tree; empty ones are left out. Documents before one that
/// cannot be read are there.
pub fn parse_nodes(source: &str, limits: &Limits) -> (Vec<Node>, Vec<Problem>) {
    if source.len() > limits.bytes {
        let kind = ProblemKind::TooLarge(limits.bytes);
        let span = Span::default();
        return (Vec::new(), vec![Problem { span, kind }]);
    }
    let mut reader = Reader::new(source, limits);
    let mut nodes = Vec::new();
    if let Err(problem) = reader.stream(&mut nodes) {
        reader.problems.push(problem);
    }
    (nodes, reader.problems)
}

struct Reader<'a> {
    source: &'a str,
    depth_limit: usize,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, limits: &Limits) -> Self {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
        };
        Self {
            source,
            depth_limit: limits.depth,
            parser: Parser::new_from_str_with_options(source, options),
            problems: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(Problem {
                        span,
                        kind: ProblemKind::SecondDocument,
                    });
                }
                Event::DocumentStart(..) => {
                    if let Some((event, span)) = self.next()? {
                        root = Some(self.node(event, span, 0)?);
                    }
                }
                _ => break,
            }
        }
        match root {
            Some(node) if !node.is_null() => Ok(node),
            _ => Err(Problem {
                span: Span::default(),
                kind: ProblemKind::Empty,
            }),
        }
    }

    fn stream(&mut self, nodes: &mut Vec<Node>) -> Result<(), Problem> {
        while let Some((event, _)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    if let Some((event, span)) = self.next()? {
                        let node = self.node(event, span, 0)?;
                        nodes.extend(Some(node).filter(|node| !node.is_null()));
                    }
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or_default();
                Ok(Some((event, Span::new(range.start, range.end))))
            }
            Some(Err(error)) => Err(self.syntax(&error)),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        if depth > self.depth_limit {
            return Err(Problem {
                span,
                kind: ProblemKind::TooDeep(self.depth_limit),
            });
        }
        if let Some(tag) = event.tag() {
            let kind = ProblemKind::Tag(tag.original());
            self.problems.push(Problem { span, kind });
        }
        match event {
            Event::Scalar(text, style, ..) => Ok(self.scalar(&text, style, span)),
            Event::SequenceStart(..) => self.sequence(span, depth),
            Event::MappingStart(..) => self.mapping(span, depth),
            _ => {
                self.problems.push(Problem {
                    span,
                    kind: ProblemKind::Alias,
                });
                Ok(Node {
                    span,
                    kind: NodeKind::Scalar(Value::Null),
                })
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Node {
        let value = if style == ScalarStyle::Plain {
            scalar::resolve(text).unwrap_or_else(|_| {
                let kind = ProblemKind::NotFinite(text.to_owned());
                self.problems.push(Problem { span, kind });
                Value::Null
            })
        } else {
            text.into()
        };
        Node {
            span,
            kind: NodeKind::Scalar(value),
        }
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        let mut end = start.end;
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                end = end.max(self.trimmed(span.end));
                break;
            }
            items.push(self.node(event, span, depth + 1)?);
        }
        let span = Span::new(start.start, end);
        Ok(Node {
            span,
            kind: NodeKind::Sequence(items),
        })
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let mut end = start.end;
        while let Some((event, key_span)) = self.next()? {
            if event == Event::MappingEnd {
                end = end.max(self.trimmed(key_span.end));
                break;
            }
            let key = self.key(event, key_span, depth)?;
            let Some((event, span)) = self.next()? else {
                break;
            };
            let value = self.node(event, span, depth + 1)?;
            let Some(key) = key else { continue };
            if let Some(first) = seen.get(&key) {
                let kind = ProblemKind::DuplicateKey(key, *first);
                self.problems.push(Problem {
                    span: key_span,
                    kind,
                });
            } else {
                seen.insert(key.clone(), key_span);
                entries.push(Entry {
                    key,
                    key_span,
                    value,
                });
            }
        }
        let span = Span::new(start.start, end);
        Ok(Node {
            span,
            kind: NodeKind::Mapping(entries),
        })
    }

    fn key(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Option<String>, Problem> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => {
                self.problems.push(Problem {
                    span,
                    kind: ProblemKind::Alias,
                });
                Ok(None)
            }
            Event::Scalar(text, ..) => Ok(Some(text.into_owned())),
            other => {
                let kind = ProblemKind::ComplexKey;
                self.node(other, span, depth + 1)?;
                self.problems.push(Problem { span, kind });
                Ok(None)
            }
        }
    }

    /// The parser ends a block where the next token begins; people see its last character.
    fn trimmed(&self, end: usize) -> usize {
        self.source
            .get(..end)
            .map_or(end, |text| text.trim_end().len())
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        let start = error.marker().byte_offset().unwrap_or(self.source.len());
        let about_tabs = matches!(
            error.kind(),
            ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation
        );
        if let Some(tab) = self.tab_indentation(start) {
            let (span, kind) = (Span::new(tab, tab + 1), ProblemKind::Tab);
            return Problem { span, kind };
        }
        let letter = self
            .source
            .get(start..)
            .and_then(|rest| rest.chars().next());
        let span = Span::new(start, start + letter.map_or(0, char::len_utf8));
        let kind = if about_tabs {
            ProblemKind::Tab
        } else {
            ProblemKind::Syntax(error.info())
        };
        Problem { span, kind }
    }

    /// Returns the place of a tab in the indentation of this line, or of the next: parsers notice
    /// such a tab where the value before it ends.
    fn tab_indentation(&self, offset: usize) -> Option<usize> {
        let before = self.source.get(..offset)?;
        let mut start = before.rfind('\n').map_or(0, |index| index + 1);
        let lines = self.source.get(start..)?.split_inclusive('\n').take(2);
        for line in lines {
            let spaces = line.len() - line.trim_start_matches(' ').len();
            if line[spaces..].starts_with('\t') {
                return Some(start + spaces);
            }
            start += line.len();
        }
        None
    }
}
