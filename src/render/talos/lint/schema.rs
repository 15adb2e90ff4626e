//! Whether Talos can read what a patch says: kinds and fields that it has, values of their kind.

use serde_json::Value;

use super::{Finding, Subject};
use crate::render::talos::Contract;
use crate::render::talos::fields::{Problem, Violation, violations_of};
use crate::spec::Code;

/// Fields that Talos does not have, and values of another kind. A release that is newer than this build may
/// have them.
pub(super) fn fields(subject: &Subject<'_>) -> Vec<Finding> {
    let found = if subject.is_operation {
        let main = |documents: &[Value]| -> Vec<Violation> {
            let of = |document| violations_of(subject.contract, document);
            documents.first().map(of).unwrap_or_default()
        };
        // What a later operation puts right is nothing that Talos ever sees.
        let [known, finished] = [subject.before, subject.documents].map(main);
        let mut new = main(subject.after);
        new.retain(|violation| !known.contains(violation) && finished.contains(violation));
        new
    } else {
        violations_of(subject.contract, subject.patch)
    };
    found
        .into_iter()
        .map(|violation| finding(subject, violation))
        .collect()
}

fn finding(subject: &Subject<'_>, violation: Violation) -> Finding {
    let version = &subject.node.version;
    let place = violation.path.to_string();
    let mut finding = if Contract::is_newer_than_known(version) {
        let message = format!(
            "`{place}`: {} in the releases that this build knows",
            violation.problem
        );
        Finding::new(Code::UnknownField, message)
            .label("passes as it is")
            .help(format!(
                "check it against the documentation of Talos {version}"
            ))
    } else {
        let help = match &violation.problem {
            Problem::UnknownField(_) => "check its spelling and its place".to_owned(),
            Problem::TooNew(_) => format!("give the patch to nodes of {} only", Contract::V1_14),
            Problem::WrongType { expected, .. } => format!("write {expected}"),
        };
        let message = format!("`{place}`: {}", violation.problem);
        Finding::new(Code::NotReadByTalos, message)
            .label(format!(
                "Talos {} refuses the configuration",
                subject.contract
            ))
            .help(help)
    };
    finding.path = violation.path;
    finding
}
