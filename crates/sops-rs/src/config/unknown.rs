//! Fields of rules that nothing reads.
//!
//! `sops` passes over them in silence, and a misspelt `encrypted_regex` encrypts everything. Keys
//! beside the rules are not looked at: people keep the anchors there that their rules refer to.

use std::fmt;

use super::line_of;
use crate::path::Step;
use crate::selection::FIELDS;
use crate::tree::{Mapping, Value};

/// What a creation rule may have beside what it selects, up to `sops` 3.13.
const RULE: [&str; 12] = [
    "path_regex",
    "kms",
    "aws_profile",
    "age",
    "pgp",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault_transit_uri",
    "key_groups",
    "shamir_threshold",
    "mac_only_encrypted",
];

/// What a key group may have.
const GROUP: [&str; 8] = [
    "merge",
    "kms",
    "gcp_kms",
    "hckms",
    "azure_keyvault",
    "hc_vault",
    "age",
    "pgp",
];

/// A field that neither `sops` nor this crate knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// The rule, counted from 1.
    pub rule: usize,
    /// The field, as it is spelled.
    pub field: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// Finds the fields of the creation rules that nothing reads.
pub(super) fn unknown_fields(root: &Mapping, text: &str) -> Vec<UnknownField> {
    let mut search = Search {
        text,
        rule: 0,
        steps: vec![Step::Key("creation_rules".to_owned())],
        found: Vec::new(),
    };
    for (index, rule) in mappings(root.get("creation_rules")) {
        search.rule = index + 1;
        search.within(Step::Index(index), |search| search.rule(rule));
    }
    search.found
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, field, .. } = self;
        write!(
            f,
            "creation rule {rule} has a field `{field}`, which means nothing"
        )
    }
}

struct Search<'a> {
    text: &'a str,
    rule: usize,
    steps: Vec<Step>,
    found: Vec<UnknownField>,
}

impl Search<'_> {
    fn within(&mut self, step: Step, look: impl FnOnce(&mut Self)) {
        self.steps.push(step);
        look(self);
        self.steps.pop();
    }

    fn rule(&mut self, rule: &Mapping) {
        self.fields(rule, &[&RULE[..], &FIELDS].concat());
        self.groups(rule, "key_groups");
    }

    fn groups(&mut self, holder: &Mapping, field: &str) {
        self.within(Step::Key(field.to_owned()), |search| {
            for (index, group) in mappings(holder.get(field)) {
                search.within(Step::Index(index), |search| {
                    search.fields(group, &GROUP);
                    search.groups(group, "merge");
                });
            }
        });
    }

    fn fields(&mut self, mapping: &Mapping, known: &[&str]) {
        for entry in mapping.entries() {
            if entry.key == "<<" || known.contains(&entry.key.as_str()) {
                continue;
            }
            let mut steps = self.steps.clone();
            steps.push(Step::Key(entry.key.clone()));
            self.found.push(UnknownField {
                rule: self.rule,
                field: entry.key.clone(),
                line: line_of(self.text, &steps),
            });
        }
    }
}

/// The mappings of a list, by position.
fn mappings(list: Option<&Value>) -> impl Iterator<Item = (usize, &Mapping)> {
    let elements = list.and_then(Value::elements).into_iter().flatten();
    elements
        .enumerate()
        .filter_map(|(index, element)| match element {
            Value::Mapping(mapping) => Some((index, mapping)),
            _ => None,
        })
}
