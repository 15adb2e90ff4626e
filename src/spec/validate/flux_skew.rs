//! Whether the version of Flux supports that of Kubernetes.

use super::Scope;
use super::findings::Findings;
use crate::model::Version;
use crate::spec::cluster::SelectedComponent;
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;

/// The component that brings Flux; its option `flux` is the version.
const OPERATOR: &str = "flux-operator";

/// Which Kubernetes minors each Flux 2 minor is tested with by its makers: Flux minor, oldest and
/// newest Kubernetes minor.
const SUPPORT: &[(u64, u64, u64)] = &[(8, 33, 35), (9, 34, 36)];

/// Reports a Kubernetes outside the range of this Flux; of an unknown Flux nothing is said.
pub(super) fn check(
    components: &[SelectedComponent],
    kubernetes: Option<&Version>,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let operator = components
        .iter()
        .find(|component| component.name == OPERATOR);
    let flux = operator.and_then(|operator| operator.options.get("flux")?.as_str());
    let (Some(flux), Some(kubernetes)) = (flux, kubernetes) else {
        return;
    };
    let Some((minor, oldest, newest)) = SUPPORT
        .iter()
        .find(|(minor, ..)| minor_of(flux) == Some(*minor))
    else {
        return;
    };
    let (major, kubernetes_minor) = kubernetes.minor_release();
    if major == 1 && (*oldest..=*newest).contains(&kubernetes_minor) {
        return;
    }
    let message = format!("Flux {flux} is not supported on Kubernetes {kubernetes}");
    let place = scope.key(&["kubernetes", "version"]);
    let mut finding = Diagnostic::new(Code::FluxSkew, place, message)
        .label(format!("Flux 2.{minor} takes v1.{oldest} to v1.{newest}"))
        .also(scope.key(&["components", OPERATOR, "flux"]), "brings Flux");
    let other = SUPPORT
        .iter()
        .rev()
        .find(|(_, oldest, newest)| (*oldest..=*newest).contains(&kubernetes_minor));
    if let Some((other, ..)) = other.filter(|_| major == 1) {
        finding = finding.help(format!("write `flux: 2.{other}.x`"));
    }
    findings.add(finding);
}

/// Returns the minor of a version or range of one minor, such as `2.9.4`, `v2.9.4` or `2.9.x`.
fn minor_of(flux: &str) -> Option<u64> {
    let mut parts = flux.trim_start_matches('v').split('.');
    (parts.next() == Some("2")).then_some(())?;
    parts.next()?.parse().ok()
}
