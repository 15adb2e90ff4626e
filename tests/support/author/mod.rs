//! Draws configurations and patches from the table of fields.
//!
//! Which texts a field takes is asked of Talos' library, so that the values mean something to it. What is
//! drawn follows from a seed.

mod patch;
mod table;
mod vary;

use std::collections::BTreeMap;

use homelab::pki::{Entropy as _, SeededEntropy};
use serde_json::{Map, Value, json};

use super::Oracle;
pub use table::Field;
use table::{TEXTS, expressions, kind_of, table};

/// Draws configurations and patches.
pub struct Author {
    /// Talos' own library.
    pub oracle: Oracle,
    entropy: SeededEntropy,
    /// Draws values that their field does not take as well.
    pub wild: bool,
    /// The kinds of documents, the main one first.
    pub kinds: Vec<Field>,
    texts: BTreeMap<String, Vec<&'static str>>,
}

impl Author {
    pub fn new(seed: u64) -> Self {
        Self {
            oracle: Oracle::start(),
            wild: false,
            entropy: SeededEntropy::new(seed),
            kinds: table(),
            texts: BTreeMap::new(),
        }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).expect("fits") % limit.max(1)
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// The main document and a few others.
    pub fn config(&mut self) -> Vec<Value> {
        let kinds = std::mem::take(&mut self.kinds);
        let mut documents = vec![self.document(&kinds[0], 6)];
        for _ in 0..self.below(3) {
            let kind = 1 + self.below(kinds.len() - 1);
            let document = self.document(&kinds[kind], 3);
            if !documents.iter().any(|known| is_same(known, &document)) {
                documents.push(document);
            }
        }
        self.kinds = kinds;
        documents
    }

    pub fn document(&mut self, kind: &Field, fields: usize) -> Value {
        let mut document = Map::new();
        if kind.name == "v1alpha1" {
            document.insert("version".to_owned(), json!("v1alpha1"));
        } else {
            document.insert("apiVersion".to_owned(), json!("v1alpha1"));
            document.insert("kind".to_owned(), json!(kind.name));
        }
        let names: Vec<String> = ["one", "two"]
            .map(|name| format!("{}-{name}", kind.name.to_lowercase()))
            .into();
        let mut content = self.group(kind, &kind.name, fields);
        if kind.fields.iter().any(|field| field.name == "name") {
            content.insert("name".to_owned(), json!(self.of(&names)));
        }
        document.extend(content);
        if kind.name == "v1alpha1" {
            document
                .entry("machine")
                .or_insert_with(|| json!({"type": "worker"}));
        }
        document.into()
    }

    fn group(&mut self, group: &Field, path: &str, count: usize) -> Map<String, Value> {
        let mut entries = Map::new();
        let count = if group.fields.is_empty() { 0 } else { count };
        for _ in 0..count {
            let field = self.of(&group.fields);
            let place = format!("{path}.{}", field.name);
            if let Some(value) = self.value(&field.shape, field, &place) {
                entries.insert(field.name.clone(), value);
            }
        }
        entries
    }

    /// A value of the shape, nothing where none is known.
    fn value(&mut self, shape: &str, field: &Field, path: &str) -> Option<Value> {
        if let Some(item) = inside(shape, '[', ']') {
            let count = self.below(3);
            return (0..count)
                .map(|_| self.value(item, field, &format!("{path}[]")))
                .collect();
        }
        if let Some(item) = inside(shape, '{', '}') {
            let mut entries = Map::new();
            for _ in 0..self.below(3) {
                let key = *self.of(&["a", "b", "c.d"]);
                let value = self.value(item, field, &format!("{path}{{}}"))?;
                entries.insert(key.to_owned(), value);
            }
            return Some(entries.into());
        }
        Some(match shape {
            "group" | "group?" => {
                let count = 1 + self.below(4);
                self.group(field, path, count).into()
            }
            "flag" => json!(self.one_in(2)),
            shape if shape.starts_with("number") || shape.starts_with("integer") => {
                if self.wild && self.one_in(8) {
                    return Some(json!(*self.of(&[
                        -1,
                        300,
                        5_000,
                        70_000,
                        5_000_000_000_i64
                    ])));
                }
                json!(*self.of(&[0, 1, 2, 8]))
            }
            "free" => self.free(3),
            "args" => {
                let value = self
                    .of(&[
                        json!("1"),
                        json!("2"),
                        json!(["x"]),
                        json!(["y", "z"]),
                        json!(""),
                    ])
                    .clone();
                let mut entries = Map::new();
                entries.insert((*self.of(&["v", "w"])).to_owned(), value);
                entries.into()
            }
            "pem:crt" => json!({"crt": *self.of(&["QQ==", "Qg=="])}),
            "pem:key" => json!({"key": *self.of(&["QQ==", "Qg=="])}),
            "pem" => self
                .of(&[
                    json!({"crt": "QQ==", "key": "Qg=="}),
                    json!({"crt": "Qg=="}),
                    json!({"crt": "QQ==", "key": ""}),
                ])
                .clone(),
            _ => {
                let texts = self.texts(path);
                if texts.is_empty() {
                    return None;
                }
                json!(self.of(&texts))
            }
        })
    }

    /// Settings of another program: anything.
    fn free(&mut self, depth: usize) -> Value {
        let mut entries = Map::new();
        for _ in 0..self.below(4) {
            let value = match self.below(if depth == 0 { 5 } else { 8 }) {
                0 => json!("x"),
                1 => json!(""),
                2 => json!(self.below(3)),
                3 => json!(self.one_in(2)),
                4 => json!(1.5),
                5 => json!(["x", 1]),
                6 => json!([{"name": "x"}]),
                _ => self.free(depth - 1),
            };
            entries.insert((*self.of(&["a", "b", "c"])).to_owned(), value);
        }
        entries.into()
    }

    /// The texts that a field takes, asked of Talos once.
    fn texts(&mut self, path: &str) -> Vec<&'static str> {
        if let Some(expressions) = expressions(path) {
            return expressions.to_vec();
        }
        if self.wild && self.one_in(8) {
            return TEXTS.to_vec();
        }
        if let Some(known) = self.texts.get(path) {
            return known.clone();
        }
        let mut taken = Vec::new();
        for text in TEXTS {
            let document = around(path, json!(text));
            let answer = self
                .oracle
                .ask("recode", json!({"config": stream(&[document])}));
            if answer.error().is_none() {
                taken.push(*text);
            }
        }
        self.texts.insert(path.to_owned(), taken.clone());
        taken
    }
}

/// A stream of documents; JSON is YAML.
pub fn stream(documents: &[Value]) -> String {
    let texts: Vec<_> = documents.iter().map(Value::to_string).collect();
    format!("{}\n", texts.join("\n---\n"))
}

fn inside(shape: &str, open: char, close: char) -> Option<&str> {
    shape.strip_prefix(open)?.strip_suffix(close)
}

fn is_same(one: &Value, other: &Value) -> bool {
    one["kind"] == other["kind"] && one["name"] == other["name"]
}

/// A document with nothing but this value at a path such as `v1alpha1.machine.files[].path`.
fn around(path: &str, value: Value) -> Value {
    let (kind, path) = path.split_once('.').expect("a field of a kind");
    let mut value = value;
    for step in path.rsplit('.') {
        let mut name = step;
        while let Some(rest) = name.strip_suffix("[]").or_else(|| name.strip_suffix("{}")) {
            value = if name.ends_with("[]") {
                json!([value])
            } else {
                json!({"k": value})
            };
            name = rest;
        }
        value = json!({name: value});
    }
    if kind == "v1alpha1" {
        value["debug"] = json!(true);
    } else {
        value["apiVersion"] = json!("v1alpha1");
        value["kind"] = json!(kind);
    }
    value
}
