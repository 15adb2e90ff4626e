//! Warnings that their owner accepts, each with a reason.

use super::Findings;
use crate::spec::code::Code;
use crate::spec::diagnostic::{Diagnostic, Severity};
use crate::spec::raw::{RawAcceptance, RawSpec, Text};
use crate::spec::suggest::closest;

/// What the findings are about: an acceptance is judged by those who can find what it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::spec) enum Subject {
    /// The file itself.
    File,
    /// The repository around it.
    Repository,
    /// The configurations of machines that are made from it.
    Machines,
}

/// Marks accepted warnings; reports acceptances of what cannot be accepted or does not occur.
pub(in crate::spec) fn accept(
    spec: &RawSpec,
    findings: Findings,
    subject: Subject,
) -> Vec<Diagnostic> {
    let mut diagnostics = findings.into_inner();
    let mut remarks = Findings::default();
    let judged = |acceptance: &&RawAcceptance| {
        let code = acceptance.code.as_ref();
        let code = code.and_then(|text| text.value.parse::<Code>().ok());
        code.map_or(Subject::File, subject_of) == subject
    };
    for acceptance in spec.accept.iter().filter(judged) {
        apply(acceptance, &mut diagnostics, &mut remarks);
    }
    diagnostics.extend(remarks.into_inner());
    diagnostics
}

/// Who can find what a code stands for.
fn subject_of(code: Code) -> Subject {
    match code {
        Code::MissingSecret | Code::LockedSecret | Code::PresetValue => Subject::Repository,
        code if code.as_str().starts_with("HL06") => Subject::Machines,
        _ => Subject::File,
    }
}

fn apply(acceptance: &RawAcceptance, diagnostics: &mut [Diagnostic], remarks: &mut Findings) {
    let Some(text) = &acceptance.code else { return };
    let Some(code) = acceptable(text, remarks) else {
        return;
    };
    let reason = acceptance
        .reason
        .as_ref()
        .map(|reason| reason.value.clone());
    let mut occurs = false;
    for diagnostic in diagnostics
        .iter_mut()
        .filter(|diagnostic| diagnostic.code == code)
    {
        diagnostic.accepted.clone_from(&reason);
        occurs = true;
    }
    if !occurs {
        let message = format!("the accepted warning {code} does not occur");
        let finding =
            Diagnostic::new(Code::UselessAcceptance, text.span, message).label(code.title());
        remarks.add(finding.help("remove it from `accept`"));
    }
}

fn acceptable(text: &Text, remarks: &mut Findings) -> Option<Code> {
    let refuse = |message: String| Diagnostic::new(Code::UnacceptableCode, text.span, message);
    match text.value.parse::<Code>() {
        Ok(code) if code.severity() == Severity::Warning => Some(code),
        Ok(code) => {
            let finding = refuse(format!("{code} is an error and cannot be accepted"));
            remarks.add(finding.label(code.title()));
            None
        }
        Err(_) => {
            let warnings = Code::ALL
                .iter()
                .filter(|code| code.severity() == Severity::Warning);
            let finding = refuse(format!("there is no diagnostic `{text}`"));
            remarks.add(
                match closest(&text.value, warnings.map(|code| code.as_str())) {
                    Some(close) => finding.help(format!("did you mean `{close}`?")),
                    None => finding,
                },
            );
            None
        }
    }
}
