//! Talos releases: whether their configurations can be written, and whether they run this Kubernetes.

use super::{Findings, Scope};
use crate::model::Version;
use crate::spec::Contract;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawSpec, Text};

/// Which Kubernetes minors each Talos minor accepts, as Talos' own compatibility check has them:
/// Talos minor, oldest and newest Kubernetes minor.
const SUPPORT: &[(u64, u64, u64)] = &[
    (10, 28, 33),
    (11, 29, 34),
    (12, 30, 35),
    (13, 31, 36),
    (14, 32, 37),
];

/// Reports releases of the distribution and of nodes that do not fit.
pub(super) fn check(
    spec: &RawSpec,
    kubernetes: Option<&Version>,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let talos = spec
        .distribution
        .as_ref()
        .and_then(|distribution| distribution.talos.as_ref());
    let Some(talos) = talos else { return };
    let own = spec.nodes.iter().filter_map(|node| node.version.as_ref());
    for text in talos.value.version.iter().chain(own) {
        if let Ok(version) = text.value.parse::<Version>() {
            release(&version, text, kubernetes, scope, findings);
        }
    }
}

fn release(
    talos: &Version,
    text: &Text,
    kubernetes: Option<&Version>,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    if let Err(refusal) = Contract::try_from(talos) {
        let finding = Diagnostic::new(Code::TooOldRelease, text.span, refusal.to_string())
            .label("too old")
            .help(format!(
                "upgrade to Talos {} with `talosctl upgrade` first, one minor at a time",
                Contract::OLDEST
            ));
        findings.add(finding);
    } else if Contract::is_newer_than_known(talos) {
        let message = format!("Talos {talos} is newer than this build knows");
        let finding = Diagnostic::new(Code::UnknownRelease, text.span, message)
            .label(format!("its configurations are written in the form of {}", Contract::NEWEST))
            .help("use a newer build of `homelab` when there is one; Talos itself checks what is applied");
        findings.add(finding);
    } else if let Some(kubernetes) = kubernetes {
        skew(talos, text, kubernetes, scope, findings);
    }
}

fn skew(
    talos: &Version,
    text: &Text,
    kubernetes: &Version,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let row = SUPPORT
        .iter()
        .find(|(minor, ..)| talos.minor_release() == (1, *minor));
    let Some((_, oldest, newest)) = row else {
        return;
    };
    let (major, minor) = kubernetes.minor_release();
    if major == 1 && (*oldest..=*newest).contains(&minor) {
        return;
    }
    let message = format!("Talos {talos} does not run Kubernetes {kubernetes}");
    let place = scope.kubernetes_version().unwrap_or(text.span);
    let mut finding = Diagnostic::new(Code::VersionSkew, place, message)
        .label(format!(
            "Talos v1.{} takes v1.{oldest} to v1.{newest}",
            talos.minor()
        ))
        .also(text.span, "the Talos version");
    let other = SUPPORT
        .iter()
        .rev()
        .find(|(_, oldest, newest)| (*oldest..=*newest).contains(&minor));
    if let Some((other, ..)) = other.filter(|_| major == 1) {
        finding = finding.help(format!(
            "take a Kubernetes in that range, or Talos v1.{other}"
        ));
    }
    findings.add(finding);
}
