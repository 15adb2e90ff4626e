//! What the format has room for and this release does not carry out yet: said plainly, so that
//! nothing that is written is silently ignored.

use super::{Findings, Scope};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::RawSpec;
use crate::yaml::Span;

/// Components that the catalogue is to have.
const PLANNED: &[&str] = &[
    "adguard-home",
    "alertmanager",
    "argocd",
    "authentik",
    "cloudnative-pg",
    "coredns",
    "csi-driver-nfs",
    "cubefs",
    "external-dns",
    "external-secrets",
    "gateway-api-crds",
    "grafana",
    "k8s-gateway",
    "karpor",
    "keda",
    "kube-prometheus-stack",
    "kubelet-csr-approver",
    "local-path",
    "loki",
    "longhorn",
    "metrics-server",
    "nats",
    "netbird",
    "node-exporter",
    "openebs",
    "opentelemetry-collector",
    "prometheus",
    "rook-ceph",
    "snapshot-controller",
    "spegel",
    "tailscale-operator",
    "victoria-logs",
    "victoria-metrics",
    "vikunja",
    "volsync",
    "zitadel",
];

/// Tells whether a component is to come.
pub(super) fn is_planned(name: &str) -> bool {
    PLANNED.contains(&name)
}

/// Returns the names of components that are to come.
pub(super) fn planned<'a>() -> impl Iterator<Item = &'a str> {
    PLANNED.iter().copied()
}

/// Reports everything that is written and not carried out yet.
pub(super) fn check(spec: &RawSpec, scope: Scope<'_>, findings: &mut Findings) {
    distribution(spec, scope, findings);
    if spec
        .gitops
        .as_ref()
        .is_some_and(|gitops| gitops.argo_cd.is_some())
    {
        let place = scope.key(&["gitops", "argocd"]);
        findings.add(
            later(Code::EngineNotYet, place, "Argo CD is not there yet").help("use `flux` for now"),
        );
    }
    let mut section = |written: bool, path: &[&str]| {
        if written {
            let name = path.join(".");
            let message = format!("`{name}` is not carried out yet");
            let finding = later(Code::SectionNotYet, scope.key(path), &message);
            findings.add(finding.help("remove it for now; a later release carries it out"));
        }
    };
    section(spec.access.is_some(), &["access"]);
    section(spec.policy.is_some(), &["policy"]);
    let external = spec
        .secrets
        .as_ref()
        .and_then(|secrets| secrets.external.as_ref());
    section(external.is_some(), &["secrets", "external"]);
    let balancer = spec
        .network
        .as_ref()
        .and_then(|network| network.load_balancer.as_ref());
    let bgp = balancer.is_some_and(|balancer| balancer.bgp.is_some());
    section(bgp, &["network", "loadBalancer", "bgp"]);
    let named = balancer.is_some_and(|balancer| !balancer.addresses.is_empty());
    section(named, &["network", "loadBalancer", "addresses"]);
}

fn distribution(spec: &RawSpec, scope: Scope<'_>, findings: &mut Findings) {
    let Some(distribution) = &spec.distribution else {
        return;
    };
    if distribution.k3s.is_some() {
        let place = scope.key(&["distribution", "k3s"]);
        let finding = later(Code::DistributionNotYet, place, "k3s is not there yet");
        findings.add(finding.help("use `talos` for now"));
    }
}

fn later(code: Code, place: Span, message: &str) -> Diagnostic {
    Diagnostic::new(code, place, message)
}
