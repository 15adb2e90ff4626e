//! The cluster's secrets bundle: whether it makes a cluster.

use camino::Utf8Path;
use sops_rs::Document;

use super::file::{Check, Subject};
use super::finding::{Code, Finding};
use crate::render::talos::BUNDLE_PATH;
use crate::store::sealed::{KnownCluster, bundle};
use crate::yaml;

/// Checks the bundle's file once it was opened; nothing is said of other files.
pub(super) fn check(check: &Check<'_>, subject: &Subject<'_>, opened: &Document) -> Vec<Finding> {
    if subject.file != Utf8Path::new(BUNDLE_PATH) {
        return Vec::new();
    }
    let (Ok(text), content) = (std::str::from_utf8(subject.bytes), opened.to_bytes()) else {
        return Vec::new();
    };
    let content = yaml::parse(&String::from_utf8_lossy(&content)).unwrap_or_default();
    // A note that cannot be read says nothing here; every other command refuses because of it.
    let known = KnownCluster::read(check.root).ok().flatten();
    let findings = bundle::findings(text, &content, known.as_ref(), check.now);
    let finding = |found: bundle::BundleFinding| {
        let code = if found.problem.is_warning() {
            Code::AuthorityEnds
        } else {
            Code::Bundle
        };
        subject.finding(code, found.line, found.problem.to_string(), found.remedy())
    };
    findings.into_iter().map(finding).collect()
}
