//! Mirrors, authorities and logins of registries.

use super::Findings;
use super::machine::{certificates, secret_place};
use crate::spec::cluster::{Login, Mirror, Registries};
use crate::spec::raw::{RawLogin, RawMirror, RawRegistries, Text};

/// Makes the registries.
pub(super) fn registries(raw: Option<&RawRegistries>, findings: &mut Findings) -> Registries {
    let Some(raw) = raw else {
        return Registries::default();
    };
    for mirror in raw.mirrors.values() {
        mirror
            .endpoints
            .iter()
            .for_each(|text| endpoint(text, findings));
    }
    for text in raw.authorities.values() {
        certificates(text, findings);
    }
    for login in raw.logins.values() {
        if let Some(text) = &login.password {
            secret_place(text, findings);
        }
    }
    Registries {
        mirrors: raw
            .mirrors
            .iter()
            .map(|(host, raw)| (host.clone(), mirror(raw)))
            .collect(),
        authorities: raw
            .authorities
            .iter()
            .map(|(host, text)| (host.clone(), text.value.clone()))
            .collect(),
        logins: raw
            .logins
            .iter()
            .filter_map(|(host, raw)| Some((host.clone(), login(raw)?)))
            .collect(),
    }
}

fn endpoint(text: &Text, findings: &mut Findings) {
    let rest = text
        .value
        .strip_prefix("https://")
        .or(text.value.strip_prefix("http://"));
    if rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
        let message = format!(
            "expected the URL of a mirror such as `https://registry.homelab.local`, found `{text}`"
        );
        findings.invalid(text.span, message);
    }
}

fn mirror(raw: &RawMirror) -> Mirror {
    Mirror {
        endpoints: raw
            .endpoints
            .iter()
            .map(|text| text.value.clone())
            .collect(),
        override_path: raw.override_path.as_ref().is_some_and(|wish| wish.value),
        skip_fallback: raw.skip_fallback.as_ref().is_some_and(|wish| wish.value),
    }
}

fn login(raw: &RawLogin) -> Option<Login> {
    Some(Login {
        username: raw.username.as_ref()?.value.clone(),
        password: raw.password.as_ref()?.value.clone(),
    })
}
