//! The distribution, and whether its version fits that of Kubernetes.

use super::{Findings, Scope};
use crate::model::Version;
use crate::spec::cluster::{Distribution, Talos};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawSpec, RawTalos, Text};

/// Which Kubernetes minors each Talos minor accepts, as Talos' own compatibility check has them:
/// Talos minor, oldest and newest Kubernetes minor.
const SUPPORT: &[(u64, u64, u64)] = &[
    (8, 26, 31),
    (9, 27, 32),
    (10, 28, 33),
    (11, 29, 34),
    (12, 30, 35),
    (13, 31, 36),
    (14, 32, 37),
];

/// Makes the distribution.
pub(super) fn distribution(
    spec: &RawSpec,
    kubernetes: Option<&Version>,
    scope: Scope<'_>,
    findings: &mut Findings,
) -> Option<Distribution> {
    if let Some(k3s) = spec.distribution.as_ref()?.k3s.as_ref() {
        k3s_skew(k3s.value.version.as_ref(), kubernetes, scope, findings);
    }
    let raw = spec.distribution.as_ref()?.talos.as_ref()?;
    let text = raw.value.version.as_ref()?;
    let version = findings.parsed::<Version>(text)?;
    if let Some(kubernetes) = kubernetes {
        skew(&version, text, kubernetes, scope, findings);
    }
    Some(Distribution::Talos(talos(&raw.value, version)))
}

fn talos(raw: &RawTalos, version: Version) -> Talos {
    let texts = |texts: &[Text]| texts.iter().map(|text| text.value.clone()).collect();
    Talos {
        version,
        extensions: texts(&raw.extensions),
        kernel_args: texts(&raw.kernel_args),
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
        let message =
            format!("this build does not know which Kubernetes versions Talos {talos} takes");
        let known = format!(
            "known are v1.{} to v1.{}",
            SUPPORT[0].0,
            SUPPORT[SUPPORT.len() - 1].0
        );
        findings.add(Diagnostic::new(Code::UnknownRelease, text.span, message).help(known));
        return;
    };
    let (major, minor) = kubernetes.minor_release();
    if major == 1 && (*oldest..=*newest).contains(&minor) {
        return;
    }
    let message = format!("Talos {talos} does not run Kubernetes {kubernetes}");
    let place = value_span(scope).unwrap_or(text.span);
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

/// A k3s release carries one Kubernetes release, whose number it has.
fn k3s_skew(
    text: Option<&Text>,
    kubernetes: Option<&Version>,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let Some(text) = text else { return };
    let (Some(k3s), Some(kubernetes)) = (findings.parsed::<Version>(text), kubernetes) else {
        return;
    };
    if (k3s.minor_release(), k3s.patch()) == (kubernetes.minor_release(), kubernetes.patch()) {
        return;
    }
    let carried = Version::new(k3s.major(), k3s.minor(), k3s.patch());
    let message = format!("k3s {k3s} is not Kubernetes {kubernetes}");
    let finding = Diagnostic::new(
        Code::VersionSkew,
        value_span(scope).unwrap_or(text.span),
        message,
    )
    .label(format!("this k3s carries {carried}"))
    .also(text.span, "the k3s version");
    findings.add(finding.help(format!("write `version: {carried}`, or take another k3s")));
}

fn value_span(scope: Scope<'_>) -> Option<crate::yaml::Span> {
    Some(
        scope
            .root
            .get("spec")?
            .get("kubernetes")?
            .get("version")?
            .span,
    )
}
