//! What Talos' own validation refuses, in the finished documents: as far as a patch brings it in.
//!
//! The rules are those of Talos' validation for machines that are installed (`--mode metal`), told from
//! what its library answers. What an expression (CEL) or a certificate says is not judged here.

mod document;
mod forms;
mod kubelet;
mod machine;
mod network;
mod volume;
mod words;

use serde_json::Value;

use super::{Finding, Subject};
use crate::render::reference::SecretRef;
use crate::spec::Code;
use crate::spec::cluster::Role;

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
    role: Role,
    found: Vec<Refusal>,
    document: String,
}

/// What is refused after the patch and was not before.
pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    let [known, new] = subject.refused;
    let new = new.iter().filter(|refusal| !known.contains(refusal));
    let mut new: Vec<_> = new.collect();
    new.dedup();
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

/// Returns what Talos' validation refuses of the documents of a machine of this role, each in a line.
pub fn refusals(documents: &[Value], role: Role) -> Vec<String> {
    let found = judged(documents, role).into_iter();
    found
        .map(|refusal| format!("{}: `{}` {}", refusal.document, refusal.path, refusal.what))
        .collect()
}

/// Judges the documents of a machine of this role.
pub(super) fn judged(documents: &[Value], role: Role) -> Vec<Refusal> {
    let mut judge = Judge {
        role,
        found: Vec::new(),
        document: String::new(),
    };
    for document in documents {
        let text = |key: &str| document[key].as_str().unwrap_or_default();
        judge.document = match (text("kind"), text("name")) {
            (kind, "") => kind.to_owned(),
            (kind, name) => format!("{kind}/{name}"),
        };
        forms::check(document, &mut judge);
        words::check(document, &mut judge);
        match text("kind") {
            "" => machine::check(document, documents, &mut judge),
            kind => document::check(kind, document, &mut judge),
        }
    }
    judge.found
}

impl Judge {
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
        if let Some(text) = value.as_str()
            && !holds(text)
        {
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
