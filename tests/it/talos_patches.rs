//! Random patches of random configurations: ours comes to what Talos' own library makes of them,
//! and refuses what it refuses.
//!
//! Configurations are drawn from the table of fields; which texts a field takes is asked of the
//! library, so that the values mean something to it.

use std::collections::BTreeMap;

use homelab::pki::{Entropy as _, SeededEntropy};
use homelab::render::talos::fields::violations;
use homelab::render::talos::patch_documents;
use serde_json::{Map, Value, json};

use crate::support::{Case, Oracle, oracle};

/// How many pairs of each kind are compared.
const PAIRS: usize = 2_000;

/// Differences that are shown before the comparison stops.
const SHOWN: usize = 12;

pub fn tests() -> Vec<Case> {
    let case = |name, body: fn()| Case::new(name, body).parts(&["talos-oracle"]);
    vec![
        case("random_merges_equal_talos", random_merges_equal_talos),
        case("random_deletions_equal_talos", random_deletions_equal_talos),
        case(
            "random_operations_equal_talos",
            random_operations_equal_talos,
        ),
    ]
}

fn random_merges_equal_talos() {
    compare(20_26, |author| {
        let config = author.config();
        let patch = author.merge(&config);
        (config, patch)
    });
}

fn random_deletions_equal_talos() {
    compare(20_27, |author| {
        let config = author.config();
        let patch = author.deletion(&config);
        (config, patch)
    });
}

fn random_operations_equal_talos() {
    compare(20_28, |author| {
        let mut config = author.config();
        // Operations are refused on several documents; that is compared as well.
        if author.one_in(10) {
            return (
                config,
                json!([{"op": "add", "path": "/debug", "value": true}]),
            );
        }
        config.truncate(1);
        let patch = author.operations(&config[0]);
        (config, patch)
    });
}

/// Compares pairs until there are enough, and shows the differences.
fn compare(seed: u64, mut draw: impl FnMut(&mut Author) -> (Vec<Value>, Value)) {
    let mut author = Author::new(seed);
    let mut differences = Vec::new();
    let mut taken = 0;
    for _ in 0..PAIRS {
        let (config, patch) = draw(&mut author);
        match outcome(&mut author.oracle, &config, &patch) {
            Outcome::Taken => taken += 1,
            Outcome::Refused => {}
            Outcome::Differs(difference) => differences.push(difference),
        }
        if differences.len() == SHOWN {
            break;
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    // A comparison in which everything is refused would say nothing.
    assert!(taken > PAIRS / 4, "only {taken} were taken");
}

enum Outcome {
    Taken,
    Refused,
    Differs(String),
}

fn outcome(oracle: &mut Oracle, config: &[Value], patch: &Value) -> Outcome {
    let text = stream(config);
    // Operations are written as YAML, as people write them; there the library compares values and
    // not the letters of JSON.
    let written = serde_yaml::to_string(patch).expect("YAML");
    let answer = oracle.ask("patch", json!({"config": text, "patches": [written]}));
    let ours = patch_documents(config.to_vec(), patch);
    let violations = if patch.is_object() {
        violations(patch)
    } else {
        Vec::new()
    };
    let difference = |what: String| {
        Outcome::Differs(format!(
            "{what}\n  config {}\n  patch {patch}",
            json!(config)
        ))
    };
    match (ours, answer.error()) {
        (Ok(ours), None) if violations.is_empty() => {
            let real = oracle::documents(answer.file("config.yaml"));
            let ours = if patch.is_array() {
                ours
            } else {
                let recoded = oracle.ask("recode", json!({"config": readable(ours)}));
                match recoded.error() {
                    Some(error) => return difference(format!("ours is not readable: {error}")),
                    None => oracle::documents(recoded.file("config.yaml")),
                }
            };
            if ours == real {
                Outcome::Taken
            } else {
                difference(format!("ours  {}\n  Talos {}", json!(ours), json!(real)))
            }
        }
        (Ok(_), None) => difference(format!("only we refuse: {violations:?}")),
        (Err(error), None) => difference(format!("only we refuse: {error}")),
        (Ok(_), Some(error)) if violations.is_empty() => {
            difference(format!("only Talos refuses: {error}"))
        }
        (_, Some(_)) => Outcome::Refused,
    }
}

/// A stream in which the main document is known for what it is, whatever a patch left of it.
fn readable(mut documents: Vec<Value>) -> String {
    let main = documents
        .iter_mut()
        .find(|document| document.get("kind").is_none());
    if let Some(Value::Object(main)) = main {
        main.entry("debug").or_insert(Value::Null);
    }
    stream(&documents)
}

/// A stream of documents; JSON is YAML.
fn stream(documents: &[Value]) -> String {
    let texts: Vec<_> = documents.iter().map(Value::to_string).collect();
    format!("{}\n", texts.join("\n---\n"))
}

/// A field of the table.
struct Field {
    name: String,
    shape: String,
    fields: Vec<Field>,
}

/// Reads the table by its indentation; what Talos has since 1.14 only is left out.
fn table() -> Vec<Field> {
    let text = include_str!("../../src/render/talos/fields/fields.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    fields(&mut lines.as_slice(), 0)
}

fn fields(lines: &mut &[&str], depth: usize) -> Vec<Field> {
    let mut found = Vec::new();
    while let Some((line, rest)) = lines.split_first() {
        let text = line.trim_start();
        if line.len() - text.len() < depth {
            break;
        }
        *lines = rest;
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        let shape = words.next().unwrap_or_default().trim_start_matches('=');
        let field = Field {
            name,
            shape: shape.to_owned(),
            fields: fields(lines, depth + 1),
        };
        if !text.ends_with("@1.14") {
            found.push(field);
        }
    }
    found
}

/// Texts that some field takes.
const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "name-1",
    "10.0.0.1",
    "10.0.0.0/24",
    "fd00::1",
    "fd00::/64",
    "10.0.0.1:51820",
    "1m0s",
    "0s",
    "2h0m0s",
    "https://a.example:6443/x?y=1",
    "https://b.example",
    "tcp://c.example:1",
    "52:54:00:00:00:01",
    "52:54:00:00:00:02",
    "10GiB",
    "100GB",
    "50%",
    "20%",
    "80",
    "8000-9000",
    "0o644",
    "> 100GB",
    "true",
    "disk.size > 1u",
    "system_disk",
    "QQ==",
    "Qg==",
    "active-backup",
    "802.3ad",
    "layer2",
    "layer3+4",
    "none",
    "active",
    "all",
    "any",
    "filter",
    "slow",
    "fast",
    "stable",
    "off",
    "bandwidth",
    "always",
    "better",
    "on",
    "802.1q",
    "802.1ad",
    "luks2",
    "xfs",
    "ext4",
    "virtiofs",
    "partition",
    "disk",
    "tcp",
    "udp",
    "accept",
    "block",
    "unicast",
    "blackhole",
    "main",
    "local",
    "mac",
    "duid",
    "unspec",
    "phy",
    "magic",
    "ssd",
    "nvme",
    "controlplane",
    "worker",
];

/// Draws configurations and patches.
struct Author {
    oracle: Oracle,
    entropy: SeededEntropy,
    kinds: Vec<Field>,
    texts: BTreeMap<String, Vec<&'static str>>,
}

impl Author {
    fn new(seed: u64) -> Self {
        Self {
            oracle: Oracle::start(),
            entropy: SeededEntropy::new(seed),
            kinds: table(),
            texts: BTreeMap::new(),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).expect("fits") % limit.max(1)
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// The main document and a few others.
    fn config(&mut self) -> Vec<Value> {
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

    fn document(&mut self, kind: &Field, fields: usize) -> Value {
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
            "number" | "number?" => json!(*self.of(&[0, 1, 2, 8])),
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

    fn merge(&mut self, config: &[Value]) -> Value {
        let kinds = std::mem::take(&mut self.kinds);
        let mut patch = if self.one_in(4) {
            let kind = self.of(&kinds);
            self.document(kind, 3)
        } else {
            let document = self.of(config).clone();
            let kind = kind_of(&kinds, &document);
            let mut patch = self.like(kind, &kind.name, &document);
            for key in ["apiVersion", "kind", "name", "version"] {
                if let Some(value) = document.get(key) {
                    patch.insert(key.to_owned(), value.clone());
                }
            }
            patch.into()
        };
        if self.one_in(12) {
            self.spoil(&mut patch);
        }
        self.kinds = kinds;
        patch
    }

    /// A group with the fields of another and other values, and a few more.
    fn like(&mut self, group: &Field, path: &str, value: &Value) -> Map<String, Value> {
        let mut entries = Map::new();
        for (key, value) in value.as_object().into_iter().flatten() {
            let Some(field) = group.fields.iter().find(|field| field.name == *key) else {
                continue;
            };
            if self.one_in(2) {
                continue;
            }
            let place = format!("{path}.{key}");
            let new = if field.shape.starts_with("group") {
                Some(self.like(field, &place, value).into())
            } else {
                self.value(&field.shape, field, &place)
            };
            if let Some(mut new) = new {
                self.repeat_keys(value, &mut new);
                entries.insert(key.clone(), new);
            }
        }
        if self.one_in(2) {
            entries.extend(self.group(group, path, 1));
        }
        entries
    }

    /// Gives entries of a list what the others are known by.
    fn repeat_keys(&mut self, old: &Value, new: &mut Value) {
        let (Some(old), Some(new)) = (old.as_array(), new.as_array_mut()) else {
            return;
        };
        if old.is_empty() || self.one_in(3) {
            return;
        }
        for entry in new.iter_mut().filter_map(Value::as_object_mut) {
            let other = self.of(old);
            for key in [
                "interface",
                "deviceSelector",
                "vlanId",
                "name",
                "mountPath",
                "image",
            ] {
                if let Some(value) = other.get(key) {
                    entry.insert(key.to_owned(), value.clone());
                }
            }
        }
    }

    /// Makes something wrong that no reading lets pass.
    fn spoil(&mut self, value: &mut Value) {
        let Some(entries) = value.as_object_mut() else {
            return;
        };
        let keys: Vec<String> = entries
            .keys()
            .filter(|key| !["apiVersion", "kind", "name", "version"].contains(&key.as_str()))
            .cloned()
            .collect();
        if keys.is_empty() || self.one_in(4) {
            entries.insert("noSuchField".to_owned(), json!(1));
            return;
        }
        let key = self.of(&keys).clone();
        let slot = &mut entries[&key];
        if slot.is_object() && !self.one_in(3) {
            self.spoil(slot);
        } else {
            *slot = match slot {
                Value::Object(_) => json!("text"),
                Value::Array(_) => json!({"a": "b"}),
                _ => json!([["x"]]),
            };
        }
    }

    fn deletion(&mut self, config: &[Value]) -> Value {
        let document = self.of(config).clone();
        let mut patch = Map::new();
        for key in ["apiVersion", "kind", "name"] {
            if let Some(value) = document.get(key) {
                patch.insert(key.to_owned(), value.clone());
            }
        }
        if self.one_in(12) {
            patch.insert("$patch".to_owned(), json!("delete"));
            return patch.into();
        }
        if self.one_in(20) {
            patch.insert("name".to_owned(), json!("somebody-else"));
        }
        let kinds = std::mem::take(&mut self.kinds);
        let kind = kind_of(&kinds, &document);
        if self.one_in(3) {
            let mut more = self.like(kind, &kind.name, &document);
            for key in ["apiVersion", "kind", "name", "version"] {
                more.shift_remove(key);
            }
            patch.extend(more);
        }
        if let Some(Value::Object(taken)) = self.taken_away(Some(kind), &document) {
            let ours = ["apiVersion", "kind", "name", "version"];
            patch.extend(
                taken
                    .into_iter()
                    .filter(|(key, _)| !ours.contains(&key.as_str())),
            );
        }
        self.kinds = kinds;
        patch.into()
    }

    /// Goes down to a place and asks for its deletion.
    fn taken_away(&mut self, field: Option<&Field>, value: &Value) -> Option<Value> {
        let delete = || json!({"$patch": "delete"});
        match value {
            Value::Object(entries) => {
                let mut keys: Vec<String> = entries.keys().cloned().collect();
                // A place that is not there.
                if self.one_in(6) {
                    keys = match field {
                        Some(field) if !field.fields.is_empty() => field
                            .fields
                            .iter()
                            .map(|field| field.name.clone())
                            .collect(),
                        _ => vec!["nowhere".to_owned()],
                    };
                }
                if keys.is_empty() {
                    return None;
                }
                let key = self.of(&keys).clone();
                let below =
                    field.and_then(|field| field.fields.iter().find(|field| field.name == key));
                let deeper = match entries.get(&key) {
                    Some(value) if !self.one_in(3) => self.taken_away(below, value),
                    _ => None,
                };
                let mut patch = Map::new();
                patch.insert(key, deeper.unwrap_or_else(delete));
                Some(patch.into())
            }
            Value::Array(items) => {
                let item = items.get(self.below(items.len()))?;
                let entries = item.as_object()?;
                if self.one_in(6) {
                    return Some(json!([self.taken_away(field, item)?]));
                }
                let mut entry = Map::new();
                let keys: Vec<String> = entries.keys().cloned().collect();
                if !keys.is_empty() && !self.one_in(8) {
                    let key = self.of(&keys).clone();
                    entry.insert(key.clone(), entries[&key].clone());
                }
                entry.insert("$patch".to_owned(), json!("delete"));
                Some(json!([entry]))
            }
            _ => None,
        }
    }

    fn operations(&mut self, document: &Value) -> Value {
        let count = 1 + self.below(3);
        (0..count).map(|_| self.operation(document)).collect()
    }

    fn operation(&mut self, document: &Value) -> Value {
        let path = self.pointer(document);
        let value = document.pointer(&path).cloned();
        let new = self
            .of(&[json!("new"), json!(1), json!({"a": [1]}), json!(["x"])])
            .clone();
        match self.below(7) {
            0 | 1 => json!({"op": "add", "path": path, "value": new}),
            2 => json!({"op": "remove", "path": path}),
            3 => json!({"op": "replace", "path": path, "value": new}),
            4 => json!({"op": "test", "path": path, "value": value.unwrap_or(new)}),
            5 => json!({"op": "copy", "from": path, "path": self.pointer(document)}),
            _ => json!({"op": "move", "from": path, "path": self.pointer(document)}),
        }
    }

    /// A path into the document, at times past what is there.
    fn pointer(&mut self, document: &Value) -> String {
        let mut path = String::new();
        let mut value = document;
        loop {
            let step = match value {
                Value::Object(entries) if !entries.is_empty() => {
                    let keys: Vec<&String> = entries.keys().collect();
                    (*self.of(&keys)).clone()
                }
                Value::Array(items) if !items.is_empty() => self.below(items.len()).to_string(),
                _ => break,
            };
            path = format!("{path}/{}", step.replace('~', "~0").replace('/', "~1"));
            let next = value.get(&step);
            let by_position = || value.get(step.parse::<usize>().ok()?);
            match next.or_else(by_position) {
                Some(below) if !self.one_in(4) => value = below,
                _ => break,
            }
        }
        if self.one_in(6) {
            let tails = ["/new", "/-", "/-1", "/0", "/99", "/a/b"];
            path.push_str(tails[self.below(tails.len())]);
        }
        path
    }
}

fn inside(shape: &str, open: char, close: char) -> Option<&str> {
    shape.strip_prefix(open)?.strip_suffix(close)
}

fn kind_of<'a>(kinds: &'a [Field], document: &Value) -> &'a Field {
    let name = document["kind"].as_str().unwrap_or("v1alpha1");
    let kind = kinds.iter().find(|kind| kind.name == name);
    kind.expect("it was drawn from the table")
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
