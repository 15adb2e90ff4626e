//! The GitOps engine and the repository it reads.

use super::Findings;
use crate::spec::cluster::{Flux, GitAuth, GitOps};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawGitAuth, RawSpec, Text};
use crate::yaml::Spanned;

/// Makes the GitOps engine.
pub(super) fn gitops(spec: &RawSpec, findings: &mut Findings) -> Option<GitOps> {
    let raw = spec.gitops.as_ref()?;
    if let Some(argo_cd) = &raw.argo_cd {
        repository(
            argo_cd.value.url.as_ref(),
            argo_cd.value.auth.as_ref(),
            findings,
        );
    }
    let flux = &raw.flux.as_ref()?.value;
    let auth = repository(flux.url.as_ref(), flux.auth.as_ref(), findings)?;
    let branch = flux.branch.as_ref().map_or("main", |branch| &branch.value);
    Some(GitOps::Flux(Flux {
        url: flux.url.as_ref()?.value.clone(),
        branch: branch.to_owned(),
        auth,
    }))
}

/// Checks URL and authentication against each other; returns the authentication.
fn repository(
    url: Option<&Text>,
    auth: Option<&Spanned<RawGitAuth>>,
    findings: &mut Findings,
) -> Option<GitAuth> {
    let url = url?;
    let ssh = url.value.starts_with("ssh://");
    if !ssh && !url.value.starts_with("https://") && !url.value.starts_with("http://") {
        let message =
            format!("expected a URL that begins with `ssh://` or `https://`, found `{url}`");
        let finding = Diagnostic::new(Code::InvalidValue, url.span, message);
        findings.add(match url.value.split_once(':') {
            Some((host, path)) if host.contains('@') => {
                finding.help(format!("write `ssh://{host}/{path}`"))
            }
            _ => finding,
        });
        return None;
    }
    let Some(auth) = auth else {
        return Some(if ssh { GitAuth::Ssh } else { GitAuth::None });
    };
    if ssh != (auth.value == RawGitAuth::Ssh) {
        let expected = if ssh {
            "`auth: ssh`"
        } else {
            "`auth: token` or `auth: none`"
        };
        let finding = Diagnostic::new(
            Code::GitAuthMismatch,
            auth.span,
            "this authentication does not fit the URL",
        )
        .label(format!("expected {expected}"))
        .also(url.span, "the URL");
        findings.add(finding);
    }
    Some(match auth.value {
        RawGitAuth::Ssh => GitAuth::Ssh,
        RawGitAuth::Token => GitAuth::Token,
        RawGitAuth::None => GitAuth::None,
    })
}
