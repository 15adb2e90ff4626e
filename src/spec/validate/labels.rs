//! Labels that Kubernetes takes: an optional domain and a name, and a short value.

use std::collections::BTreeMap;

use super::Findings;
use crate::model::{LONGEST_WORD as LONGEST, is_label_key, is_word};
use crate::spec::raw::{RawSpec, Text};

/// Reports labels of nodes and classes that Kubernetes would refuse.
pub(super) fn check(spec: &RawSpec, findings: &mut Findings) {
    let classes = spec.classes.values().map(|class| &class.labels);
    for labels in spec.nodes.iter().map(|node| &node.labels).chain(classes) {
        check_all(labels, findings);
    }
}

/// Reports keys that Kubernetes would refuse.
pub(super) fn check_keys(entries: &BTreeMap<String, Text>, findings: &mut Findings) {
    for (key, text) in entries {
        if !is_label_key(key) {
            let message = format!("expected a label such as `example.org/tier`, found `{key}`");
            findings.invalid(text.span, message);
        }
    }
}

fn check_all(labels: &BTreeMap<String, Text>, findings: &mut Findings) {
    check_keys(labels, findings);
    for (key, text) in labels {
        if !text.value.is_empty() && !is_word(&text.value) {
            let message = format!(
                "the value of `{key}` must be at most {LONGEST} letters, digits, `-`, `_` and `.`, \
                 with a letter or digit at both ends, found `{text}`"
            );
            findings.invalid(text.span, message);
        }
    }
}
