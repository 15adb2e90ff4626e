//! Who may open the encrypted files.

use super::{Findings, Scope, age_recipient};
use crate::spec::cluster::Secrets;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawSpec, Text};

/// Makes the list of recipients.
pub(super) fn secrets(spec: &RawSpec, scope: Scope<'_>, findings: &mut Findings) -> Secrets {
    let raw = spec.secrets.clone().unwrap_or_default();
    let lost = scope.lost("secrets", scope.root.span)
        || scope.lost("sops", scope.root.span)
        || scope.lost("recipients", scope.root.span);
    if raw.sops.is_none() && raw.external.is_none() && !lost {
        let message = "nothing says how the cluster's secrets are kept";
        let finding = Diagnostic::new(Code::NoSecretKeeping, scope.key(&["secrets"]), message)
            .help("add `secrets: {sops: {recipients: [age1…]}}`; `homelab init` makes a key");
        findings.add(finding);
    }
    let recipients = raw
        .sops
        .map(|sops| sops.value.recipients)
        .unwrap_or_default();
    for recipient in &recipients {
        check(recipient, findings);
    }
    Secrets {
        recipients: recipients.into_iter().map(|text| text.value).collect(),
    }
}

fn check(recipient: &Text, findings: &mut Findings) {
    let Err(why) = age_recipient::check(&recipient.value) else {
        return;
    };
    let message = format!("`{recipient}` is not an age recipient");
    let finding =
        Diagnostic::new(Code::InvalidRecipient, recipient.span, message).label(why.to_string());
    findings.add(if recipient.value.to_uppercase().starts_with("AGE-SECRET-KEY-") {
        finding.help("this is a private key: take it out of this file, make a new one, and write its `age1…`")
    } else {
        finding.help("`age-keygen -y .sops/age.key` prints the recipient of your key")
    });
}
