//! Whether a tree has the structure that a JSON schema describes, in words for people.
//!
//! Understands the small part of JSON Schema that our own schemas and the catalogue's options use.
//! Returns the tree without what is wrong, so that everything else can still be looked at.

use serde_json::{Map, Value};

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::json_schema::{
    choices, fits, found, is, list, plain, schema_types, type_help, type_name, types,
};
use super::suggest::closest;
use crate::yaml::{Entry, Node, NodeKind, Span};

/// The most findings that are kept.
const MOST: usize = 200;

/// Checks trees against one schema document.
pub(super) struct Structure<'a> {
    root: &'a Value,
    findings: Vec<Diagnostic>,
    lost: Vec<LostKey>,
}

/// A key that was written and is not in the tree any more, since it or its value is wrong. What it
/// stood for must not be called missing as well.
#[derive(Clone, Debug)]
pub(super) struct LostKey {
    key: String,
    place: Span,
}

impl LostKey {
    /// Tells whether this may have been meant as the key `name` of a mapping.
    pub(super) fn may_be(&self, name: &str, mapping: Span) -> bool {
        let inside = mapping.start <= self.place.start && self.place.end <= mapping.end;
        inside && closest(&self.key, [name]).is_some()
    }
}

impl<'a> Structure<'a> {
    /// Prepares the check; `root` holds the `$defs` that references name.
    pub(super) fn new(root: &'a Value) -> Self {
        Self {
            root,
            findings: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Keeps a finding, unless there are more than anybody reads.
    fn report(&mut self, finding: Diagnostic) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        }
    }

    fn lose(&mut self, entry: &Entry) {
        if self.lost.len() < MOST {
            let (key, place) = (entry.key.clone(), entry.key_span);
            self.lost.push(LostKey { key, place });
        }
    }

    /// Returns what was found, and the keys that are lost.
    pub(super) fn finish(self) -> (Vec<Diagnostic>, Vec<LostKey>) {
        (self.findings, self.lost)
    }

    /// Checks a tree; `place` is where a finding about the whole of it points, and `name` what it
    /// is called in messages. Returns nothing if the tree is of the wrong kind altogether.
    pub(super) fn check(&mut self, node: &Node, schema: &Value, at: Place<'_>) -> Option<Node> {
        let schema = self.resolved(schema, node);
        let Some(schema) = schema.as_object() else {
            return Some(node.clone());
        };
        if !self.has_type(node, schema, at) || !self.is_allowed(node, schema, at) {
            return None;
        }
        match &node.kind {
            NodeKind::Mapping(entries) => Some(self.mapping(node.span, entries, schema, at)),
            NodeKind::Sequence(items) => self.sequence(node.span, items, schema, at),
            NodeKind::Scalar(_) => Some(node.clone()),
        }
    }

    /// Follows references, and chooses among alternatives by the kind of value.
    fn resolved<'b>(&self, schema: &'b Value, node: &Node) -> &'b Value
    where
        'a: 'b,
    {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let pointer = name.trim_start_matches('#');
            return self
                .root
                .pointer(pointer)
                .map_or(schema, |target| self.resolved(target, node));
        }
        let Some(choices) = schema.get("anyOf").and_then(Value::as_array) else {
            return schema;
        };
        let resolved = choices.iter().map(|choice| self.resolved(choice, node));
        let fitting = resolved
            .clone()
            .find(|choice| types(choice).iter().any(|name| is(node, name)));
        fitting
            .or_else(|| resolved.into_iter().next())
            .unwrap_or(schema)
    }

    fn has_type(&mut self, node: &Node, schema: &Map<String, Value>, at: Place<'_>) -> bool {
        let allowed = schema_types(schema);
        if allowed.is_empty() || allowed.iter().any(|name| is(node, name)) {
            return true;
        }
        let expected: Vec<_> = allowed.iter().map(|name| type_name(name)).collect();
        let expected = expected.join(" or ");
        let span = if node.span.start == node.span.end {
            at.span
        } else {
            head(node)
        };
        let message = format!("{} must be {expected}, found {}", at.quoted(), found(node));
        let mut finding =
            Diagnostic::new(Code::WrongType, span, message).label(format!("expected {expected}"));
        if let Some(help) = type_help(node, &allowed) {
            finding = finding.help(help);
        }
        self.report(finding);
        false
    }

    fn is_allowed(&mut self, node: &Node, schema: &Map<String, Value>, at: Place<'_>) -> bool {
        let NodeKind::Scalar(value) = &node.kind else {
            return true;
        };
        if let Some(choices) = choices(schema) {
            if choices.contains(&value) {
                return true;
            }
            let words: Vec<_> = choices
                .iter()
                .filter_map(|choice| choice.as_str())
                .collect();
            let listed = choices.iter().map(|choice| format!("`{}`", plain(choice)));
            let listed = listed.collect::<Vec<_>>().join(", ");
            let message = format!("`{}` is not allowed for {}", plain(value), at.quoted());
            let mut finding =
                Diagnostic::new(Code::InvalidValue, node.span, message).label(format!(
                    "expected {}{listed}",
                    if choices.len() > 1 { "one of " } else { "" }
                ));
            if let Some(close) = closest(&plain(value), words) {
                finding = finding.help(format!("did you mean `{close}`?"));
            }
            self.report(finding);
            return false;
        }
        self.is_in_range(node, value, schema, at)
    }

    fn is_in_range(
        &mut self,
        node: &Node,
        value: &Value,
        schema: &Map<String, Value>,
        at: Place<'_>,
    ) -> bool {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let expectation = match value {
            Value::Number(number) => match (number.as_f64(), bound("minimum"), bound("maximum")) {
                (Some(number), Some(minimum), _) if number < minimum => {
                    Some(format!("at least {minimum}"))
                }
                (Some(number), _, Some(maximum)) if number > maximum => {
                    Some(format!("at most {maximum}"))
                }
                _ => None,
            },
            Value::String(text) if !fits(text, schema) => Some(match schema.get("description") {
                Some(Value::String(what)) => {
                    format!("of the right form ({})", what.trim_end_matches('.'))
                }
                _ => "of the right form".to_owned(),
            }),
            Value::String(text) if bound("minLength").is_some() && text.trim().is_empty() => {
                Some("a text that is not empty".to_owned())
            }
            _ => None,
        };
        let Some(expectation) = expectation else {
            return true;
        };
        let message = format!(
            "{} must be {expectation}, found `{}`",
            at.quoted(),
            plain(value)
        );
        self.findings
            .push(Diagnostic::new(Code::InvalidValue, node.span, message));
        false
    }

    fn sequence(
        &mut self,
        span: Span,
        items: &[Node],
        schema: &Map<String, Value>,
        at: Place<'_>,
    ) -> Option<Node> {
        if items.is_empty() && schema.get("minItems").is_some() {
            let message = format!("{} must hold at least one item", at.quoted());
            self.findings
                .push(Diagnostic::new(Code::InvalidValue, at.span, message));
            return None;
        }
        let most = schema.get("maxItems").and_then(Value::as_u64);
        if most.is_some_and(|most| u64::try_from(items.len()).is_ok_and(|count| count > most)) {
            let most = most.unwrap_or_default();
            let message = format!(
                "{} holds {} items, at most {most} are taken",
                at.quoted(),
                items.len()
            );
            self.report(Diagnostic::new(Code::InvalidValue, at.span, message));
            return None;
        }
        let items = match schema.get("items") {
            Some(schema) => items
                .iter()
                .filter_map(|item| {
                    let span = head(item);
                    self.check(item, schema, Place { span, ..at })
                })
                .collect(),
            None => items.to_vec(),
        };
        Some(Node {
            span,
            kind: NodeKind::Sequence(items),
        })
    }

    fn mapping(
        &mut self,
        span: Span,
        entries: &[Entry],
        schema: &Map<String, Value>,
        at: Place<'_>,
    ) -> Node {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        let mut kept = Vec::new();
        for entry in entries {
            let known = properties.and_then(|properties| properties.get(&entry.key));
            let place = Place {
                span: entry.key_span,
                name: &entry.key,
            };
            let value = match (known, others) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                    self.check(&entry.value, schema, place)
                }
                (None, Some(Value::Bool(false))) => {
                    self.unknown_key(entry, properties, at);
                    None
                }
                _ => Some(entry.value.clone()),
            };
            match value {
                Some(value) => kept.push(Entry {
                    value,
                    ..entry.clone()
                }),
                None => self.lose(entry),
            }
        }
        self.missing_keys(entries, schema, at);
        self.exactly_one(entries, &mut kept, schema, at);
        Node {
            span,
            kind: NodeKind::Mapping(kept),
        }
    }

    fn unknown_key(&mut self, entry: &Entry, known: Option<&Map<String, Value>>, at: Place<'_>) {
        if self.findings.len() == MOST {
            return;
        }
        let names: Vec<_> = known
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        let message = format!("{} has no key `{}`", at.quoted(), entry.key);
        let finding =
            Diagnostic::new(Code::UnknownKey, entry.key_span, message).label("unknown key");
        let help = match closest(&entry.key, names.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None if names.is_empty() => "there are no keys here".to_owned(),
            None => format!("the keys here are {}", list(&names)),
        };
        self.report(finding.help(help));
    }

    fn missing_keys(&mut self, entries: &[Entry], schema: &Map<String, Value>, at: Place<'_>) {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if entries.iter().any(|entry| entry.key == name) {
                continue;
            }
            let message = format!("{} lacks `{name}`", at.quoted());
            let finding = Diagnostic::new(Code::MissingKey, at.span, message).label("in here");
            let property = schema
                .get("properties")
                .and_then(|properties| properties.get(name));
            self.findings.push(match property.and_then(Self::example) {
                Some(example) => finding.help(format!("add `{name}: {example}`")),
                None => finding.help(format!(
                    "add `{name}:`; `homelab schema` says what belongs in it"
                )),
            });
        }
    }

    fn example(property: &Value) -> Option<String> {
        let example = property.get("examples")?.get(0)?;
        (!example.is_object()).then(|| match example {
            Value::String(text) if text.contains(':') => format!("\"{text}\""),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    fn exactly_one(
        &mut self,
        entries: &[Entry],
        kept: &mut Vec<Entry>,
        schema: &Map<String, Value>,
        at: Place<'_>,
    ) {
        let one = |key: &str| schema.get(key).and_then(Value::as_u64) == Some(1);
        if !(one("minProperties") && one("maxProperties")) || entries.len() == 1 {
            return;
        }
        let names: Vec<_> = schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        let message = format!("{} must hold exactly one of {}", at.quoted(), list(&names));
        let mut finding = Diagnostic::new(Code::ExactlyOne, at.span, message)
            .label(format!("{} are here", entries.len()));
        for entry in entries {
            finding = finding.also(entry.key_span, "");
        }
        self.report(finding);
        kept.clear();
    }
}

/// Where a finding about a whole value points, and what the value is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The key's place.
    pub(super) span: Span,
    /// The key.
    pub(super) name: &'a str,
}

impl Place<'_> {
    fn quoted(self) -> String {
        if self.name.is_empty() {
            "the file".to_owned()
        } else {
            format!("`{}`", self.name)
        }
    }
}

/// Returns the part of a value that a person looks at first: its first key, or all of a scalar.
pub(super) fn head(node: &Node) -> Span {
    match &node.kind {
        NodeKind::Scalar(_) => node.span,
        NodeKind::Sequence(items) => items.first().map_or(node.span, head),
        NodeKind::Mapping(entries) => entries.first().map_or(node.span, |entry| entry.key_span),
    }
}
