//! What Talos' own validation refuses, in the finished documents: as far as a patch brings it in.
//!
//! The rules are those of Talos' validation (`talosctl validate`), told from what its library answers. Of an
//! expression (CEL) its form and its names are judged, of a certificate its header.

mod cluster;
mod document;
mod expression;
mod forms;
mod interfaces;
mod kubelet;
mod machine;
mod network;
mod together;
mod volume;
mod words;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::{Finding, Subject};
use crate::render::reference::SecretRef;
use crate::render::talos::Contract;
use crate::spec::Code;
use crate::spec::cluster::{Node, Role};

/// The machine that documents are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What it is in the cluster.
    pub role: Role,
    /// What its release reads.
    pub contract: Contract,
    /// Whether Talos is installed on it.
    pub mode: Mode,
}

/// Talos' modes of validation, as far as they are those of machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Talos installs itself to a disk.
    Metal,
    /// Talos is on the disk already: images of a cloud.
    Cloud,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metal => "metal",
            Self::Cloud => "cloud",
        })
    }
}

impl Machine {
    /// The machine of a node under its contract.
    pub(super) fn of(node: &Node, contract: Contract) -> Self {
        let mode = match node.image.platform.name {
            "metal" => Mode::Metal,
            _ => Mode::Cloud,
        };
        Self {
            role: node.role,
            contract,
            mode,
        }
    }
}

/// Something that Talos refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Kind and name of the document, for people; nothing for the main one.
    document: String,
    /// Where in it, without positions in lists.
    path: String,
    what: String,
}

/// What documents are judged by.
struct Judge {
    machine: Machine,
    found: Vec<Refusal>,
    document: String,
}

/// What is refused after the patch and was not before, and what Talos cannot read in the patch itself.
pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    let [known, after, finished] = subject.refused;
    let unread = if subject.is_operation {
        Vec::new()
    } else {
        unread(subject.patch, Machine::of(subject.node, subject.contract))
    };
    // What a later patch or operation puts right is nothing that Talos ever sees.
    let brought = after
        .iter()
        .filter(|refusal| !known.contains(refusal) && finished.contains(refusal));
    let mut new: Vec<&Refusal> = Vec::new();
    for refusal in brought.chain(&unread) {
        if !new.contains(&refusal) {
            new.push(refusal);
        }
    }
    new.into_iter()
        .map(|refusal| {
            let place = match refusal.document.as_str() {
                "" => refusal.path.clone(),
                document if refusal.path.is_empty() => document.to_owned(),
                document => format!("{document}: {}", refusal.path),
            };
            Finding::new(Code::RefusedByTalos, format!("`{place}` {}", refusal.what))
                .at(&refusal.path)
                .label(format!("Talos {} refuses the configuration", subject.contract))
                .help("correct the value; `homelab nodes config NODE --redact` shows what the patches come to")
        })
        .collect()
}

/// Returns what Talos' validation refuses of the documents of a machine, each in a line.
pub fn refusals(documents: &[Value], machine: Machine) -> Vec<String> {
    let found = judged(documents, machine).into_iter();
    found
        .map(|refusal| format!("{}: `{}` {}", refusal.document, refusal.path, refusal.what))
        .collect()
}

/// Judges the documents of a machine.
pub(super) fn judged(documents: &[Value], machine: Machine) -> Vec<Refusal> {
    let mut judge = Judge::of(machine);
    for document in documents {
        judge.turn_to(document);
        forms::check(document, &mut judge);
        words::check(document, &mut judge);
        match document["kind"].as_str() {
            None => machine::check(document, documents, &mut judge),
            Some(kind) => document::check(kind, document, &mut judge),
        }
        together::check(document, documents, &mut judge);
    }
    judge.found
}

/// What Talos cannot read in a patch, which it reads like a document.
fn unread(patch: &Value, machine: Machine) -> Vec<Refusal> {
    let mut judge = Judge::of(machine);
    judge.turn_to(patch);
    forms::check(patch, &mut judge);
    words::read(patch, &mut judge);
    judge.found
}

impl Judge {
    fn of(machine: Machine) -> Self {
        Self {
            machine,
            found: Vec::new(),
            document: String::new(),
        }
    }

    fn turn_to(&mut self, document: &Value) {
        let text = |key: &str| document[key].as_str().unwrap_or_default();
        self.document = match (text("kind"), text("name")) {
            (kind, "") => kind.to_owned(),
            (kind, name) => format!("{kind}/{name}"),
        };
    }

    fn refuse(&mut self, path: &str, what: impl Into<String>) {
        self.found.push(Refusal {
            document: self.document.clone(),
            path: path.to_owned(),
            what: what.into(),
        });
    }

    /// Refuses unless it holds.
    fn expect(&mut self, holds: bool, path: &str, what: &str) {
        if !holds {
            self.refuse(path, what);
        }
    }

    /// Refuses each text at a path of which it does not hold.
    fn texts(&mut self, value: &Value, path: &str, holds: impl Fn(&str) -> bool, what: &str) {
        for value in each(value, path) {
            self.text(value, path, &holds, what);
        }
    }

    /// Refuses a text of which it does not hold, by the path that it is known by.
    fn text(&mut self, value: &Value, path: &str, holds: impl Fn(&str) -> bool, what: &str) {
        // Talos reads numbers, `true` and `false` as texts where it wants some.
        let text = match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
            _ => return,
        };
        if !holds(&text) {
            self.refuse(path, format!("{what}, found `{text}`"));
        }
    }
}

/// The values at a dotted path, through every entry of lists on the way.
fn each<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut values = vec![value];
    for key in path.split('.').filter(|key| !key.is_empty()) {
        values = values
            .into_iter()
            .filter_map(|value| value.get(key))
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                value => vec![value],
            })
            .filter(|value| !value.is_null())
            .collect();
    }
    values
}

/// Tells whether a value says nothing.
fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(entries)) => entries.is_empty(),
        Some(value) => value.as_f64() == Some(0.0) && SecretRef::of(value).is_none(),
    }
}
