//! The distribution, and whether its version fits that of Kubernetes.

use super::{Findings, Scope, image_names, registries, releases};
use crate::model::Version;
use crate::spec::PUBLIC_FACTORY;
use crate::spec::cluster::{Distribution, Talos};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawSpec, RawTalos, Text};

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
    releases::check(spec, kubernetes, scope, findings);
    Some(Distribution::Talos(talos(&raw.value, version, findings)))
}

fn talos(raw: &RawTalos, version: Version, findings: &mut Findings) -> Talos {
    let factory = raw.factory.as_ref();
    let factory = factory.and_then(|text| image_names::factory(text, findings));
    Talos {
        version,
        factory: factory.unwrap_or_else(|| PUBLIC_FACTORY.to_owned()),
        discovery: raw.discovery.as_ref().is_none_or(|wish| wish.value),
        kube_span: raw.kube_span.as_ref().is_some_and(|wish| wish.value),
        registries: registries::registries(raw.registries.as_ref(), findings),
    }
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
        scope.kubernetes_version().unwrap_or(text.span),
        message,
    )
    .label(format!("this k3s carries {carried}"))
    .also(text.span, "the k3s version");
    findings.add(finding.help(format!("write `version: {carried}`, or take another k3s")));
}
