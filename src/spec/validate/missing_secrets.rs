//! Encrypted files that the tree lists and the repository does not have yet.

use super::{Findings, Scope};
use crate::catalog::Component;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::repository::MissingSecret;

/// Reports each file where the spec asks for what needs it.
pub(in crate::spec) fn check(missing: &[MissingSecret], scope: Scope<'_>, findings: &mut Findings) {
    for MissingSecret {
        file,
        summary,
        component,
    } in missing
    {
        let place = match component {
            Some(name) if scope.catalog.get(name).is_some_and(Component::is_app) => {
                scope.key(&["apps", name])
            }
            Some(name) => scope.key(&["components", name]),
            None => scope.key(&["secrets"]),
        };
        let finding = Diagnostic::new(Code::MissingSecret, place, format!("there is no `{file}`"));
        findings.add(finding.label(summary.as_str()).help(
            "`homelab secrets init` makes what is missing; `render` and `rehearse` do without",
        ));
    }
}
