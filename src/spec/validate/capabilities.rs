//! Whether what the parts of a cluster need is provided by something in it.

use super::components::{Section, entries};
use super::{Findings, Scope};
use crate::catalog::Component;
use crate::spec::cluster::{Patches, SelectedComponent};
use crate::spec::code::Code;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::raw::{RawNetworkPolicy, RawSpec, RawVipProvider, Text};
use crate::spec::suggest::closest;
use crate::yaml::{Entry, Span};

/// The capability of a pod network.
const POD_NETWORK: &str = "cni";
/// The capability of enforcing NetworkPolicies.
const NETWORK_POLICY: &str = "network-policy";
/// The capability of giving Services of type LoadBalancer their addresses.
const LOAD_BALANCER: &str = "load-balancer";
/// The capability of doing kube-proxy's work.
const KUBE_PROXY: &str = "kube-proxy";
/// The component that announces a virtual IP.
const KUBE_VIP: &str = "kube-vip";
/// The component that brings Flux.
const FLUX_OPERATOR: &str = "flux-operator";

/// Reports needs that nothing meets.
pub(super) fn check(
    spec: &RawSpec,
    components: &[SelectedComponent],
    apps: &[SelectedComponent],
    patches: &Patches,
    scope: Scope<'_>,
    findings: &mut Findings,
) {
    let chosen = components.iter().chain(apps);
    let chosen: Vec<_> = chosen
        .filter_map(|selected| scope.catalog.get(&selected.name))
        .collect();
    let cluster = Providers {
        chosen,
        brought: matches!(cni(spec), Some("flannel" | "none")),
        scope,
    };
    for section in [Section::Components, Section::Apps] {
        for entry in entries(section, scope) {
            needs(entry, &cluster, findings);
        }
    }
    virtual_ip(spec, &cluster, findings);
    pod_network(spec, &cluster, findings);
    network_policy(spec, &cluster, findings);
    engine(spec, &cluster, findings);
    pools(spec, &cluster, findings);
    kube_proxy(patches, &cluster, findings);
}

struct Providers<'a> {
    chosen: Vec<&'a Component>,
    /// Whether the distribution or the owner brings the pod network.
    brought: bool,
    scope: Scope<'a>,
}

impl Providers<'_> {
    /// Tells whether a component is listed, or was and is wrong.
    fn has(&self, name: &str) -> bool {
        let lost = [name, "components"]
            .iter()
            .any(|key| self.scope.lost(key, self.scope.root.span));
        lost || self.listed(name).is_some()
    }

    /// Returns the place of a name among the components, known to the catalogue or not.
    fn listed(&self, name: &str) -> Option<Span> {
        let entry = entries(Section::Components, self.scope)
            .iter()
            .find(|entry| entry.key == name);
        entry.map(|entry| entry.key_span)
    }

    /// Tells whether something provides this, or was meant to and is wrong.
    fn provide(&self, capability: &str) -> bool {
        let own = self.brought && capability == POD_NETWORK;
        let named =
            |component: &Component| component.provides.iter().any(|name| name == capability);
        let mut known = self.scope.catalog.iter();
        own || self.providers(capability).next().is_some()
            || known.any(|component| named(component) && self.has(&component.name))
    }

    fn providers<'b>(&'b self, capability: &'b str) -> impl Iterator<Item = &'b Component> {
        let chosen = self.chosen.iter().copied();
        chosen.filter(move |component| component.provides.iter().any(|name| name == capability))
    }

    /// Returns advice that names what the catalogue has for this.
    fn advice(&self, capability: &str) -> String {
        let providers = self
            .scope
            .catalog
            .iter()
            .filter(|component| component.provides.iter().any(|name| name == capability))
            .map(|component| format!("`{}`", component.name));
        let providers: Vec<_> = providers.collect();
        if providers.is_empty() {
            format!("nothing in the catalogue provides `{capability}` yet")
        } else {
            format!("add {} to `components`", providers.join(" or "))
        }
    }

    fn components(&self) -> Span {
        self.scope.key(&["components"])
    }
}

fn needs(entry: &Entry, cluster: &Providers<'_>, findings: &mut Findings) {
    let Some(component) = cluster.scope.catalog.get(&entry.key) else {
        return;
    };
    for need in &component.needs {
        if !cluster.provide(need) {
            let message = format!(
                "`{}` needs `{need}`, which nothing provides",
                component.name
            );
            let finding = Diagnostic::new(Code::UnmetNeed, entry.key_span, message);
            findings.add(finding.help(cluster.advice(need)));
        }
    }
}

fn virtual_ip(spec: &RawSpec, cluster: &Providers<'_>, findings: &mut Findings) {
    let vip = spec
        .control_plane
        .as_ref()
        .and_then(|control_plane| control_plane.vip.as_ref());
    let Some(provider) = vip.and_then(|vip| vip.value.provider.as_ref()) else {
        return;
    };
    match (provider.value, cluster.has(KUBE_VIP)) {
        (RawVipProvider::KubeVip, false) => {
            let message = "nothing announces the virtual IP: the component `kube-vip` is missing";
            let finding = Diagnostic::new(Code::MissingVipComponent, provider.span, message)
                .help("add `kube-vip` to `components`, or write `provider: talos`");
            findings.add(finding);
        }
        (RawVipProvider::Talos, true) => {
            let message = "two things announce the virtual IP: Talos and kube-vip";
            let place = cluster.listed(KUBE_VIP).unwrap_or(provider.span);
            let finding = Diagnostic::new(Code::MissingVipComponent, provider.span, message)
                .also(place, "announces it too")
                .help("remove the component, or write `provider: kube-vip`");
            findings.add(finding);
        }
        _ => {}
    }
}

fn cni(spec: &RawSpec) -> Option<&str> {
    let cni = spec
        .network
        .as_ref()
        .and_then(|network| network.cni.as_ref());
    cni.map(|cni| cni.value.as_str())
}

fn pod_network(spec: &RawSpec, cluster: &Providers<'_>, findings: &mut Findings) {
    let written = spec
        .network
        .as_ref()
        .and_then(|network| network.cni.as_ref());
    let providers: Vec<_> = cluster.providers(POD_NETWORK).collect();
    match written {
        Some(text) => named_network(text, providers.first().copied(), cluster, findings),
        None if !cluster.provide(POD_NETWORK) => {
            let message = "no component brings a pod network, so nodes never become ready";
            let advice = cluster.advice(POD_NETWORK);
            let finding = Diagnostic::new(Code::NoPodNetwork, cluster.components(), message)
                .help(format!("{advice}, or write `network: {{cni: flannel}}`"));
            findings.add(finding);
        }
        None => {}
    }
    if let [first, second, ..] = providers.as_slice() {
        let message = format!(
            "`{}` and `{}` both bring a pod network",
            first.name, second.name
        );
        let place = |component: &Component| cluster.listed(&component.name).unwrap_or_default();
        let finding = Diagnostic::new(Code::TwoPodNetworks, place(second), message)
            .also(place(first), "")
            .help("remove one of them");
        findings.add(finding);
    }
}

fn named_network(
    text: &Text,
    provider: Option<&Component>,
    cluster: &Providers<'_>,
    findings: &mut Findings,
) {
    let without = matches!(text.value.as_str(), "none" | "flannel");
    if let Some(provider) = provider.filter(|_| without) {
        let message = format!("`cni: {text}` and the component `{}`", provider.name);
        let place = cluster.listed(&provider.name).unwrap_or(text.span);
        let finding = Diagnostic::new(Code::TwoPodNetworks, text.span, message)
            .also(place, "brings a pod network")
            .help("remove one of them");
        findings.add(finding);
    }
    if !without && !cluster.has(&text.value) {
        let names = ["none", "flannel"]
            .into_iter()
            .chain(cluster.scope.catalog.names());
        let close = closest(&text.value, names).filter(|close| *close != text.value);
        let message = format!("the pod network `{text}` is not among the components");
        let finding = Diagnostic::new(Code::NoPodNetwork, text.span, message);
        findings.add(match close {
            Some(close) => finding.help(format!("did you mean `{close}`?")),
            None => finding.help(format!("add `{text}` to `components`")),
        });
    }
}

fn network_policy(spec: &RawSpec, cluster: &Providers<'_>, findings: &mut Findings) {
    let policy = spec
        .policy
        .as_ref()
        .and_then(|policy| policy.network_policy.as_ref());
    let Some(policy) = policy.filter(|policy| policy.value == RawNetworkPolicy::DefaultDeny) else {
        return;
    };
    if !cluster.provide(NETWORK_POLICY) {
        let message = "no pod network of this cluster enforces network policies";
        let finding = Diagnostic::new(Code::UnenforcedNetworkPolicy, policy.span, message)
            .label("would be written and have no effect");
        findings.add(finding.help(cluster.advice(NETWORK_POLICY)));
    }
}

fn engine(spec: &RawSpec, cluster: &Providers<'_>, findings: &mut Findings) {
    let flux = spec
        .gitops
        .as_ref()
        .is_some_and(|gitops| gitops.flux.is_some());
    if flux && !cluster.has(FLUX_OPERATOR) {
        let message = "nothing brings Flux: the component `flux-operator` is missing";
        let place = cluster.scope.key(&["gitops", "flux"]);
        let finding = Diagnostic::new(Code::MissingEngineComponent, place, message)
            .help("add `flux-operator` to `components`");
        findings.add(finding);
    }
}

fn pools(spec: &RawSpec, cluster: &Providers<'_>, findings: &mut Findings) {
    let pooled = spec
        .network
        .as_ref()
        .is_some_and(|network| network.load_balancer.is_some());
    if pooled && !cluster.provide(LOAD_BALANCER) {
        let place = cluster.scope.key(&["network", "loadBalancer"]);
        let message = "no component announces the load balancer's addresses";
        let finding = Diagnostic::new(Code::UnannouncedPool, place, message);
        findings.add(finding.help(cluster.advice(LOAD_BALANCER)));
    }
}

/// A patch that turns kube-proxy on again, where something has replaced it: both would rewrite the
/// packets of Services.
fn kube_proxy(patches: &Patches, cluster: &Providers<'_>, findings: &mut Findings) {
    let Some(provider) = cluster.providers(KUBE_PROXY).next() else {
        return;
    };
    for patch in patches.all.iter().chain(&patches.control_plane) {
        let disabled = patch.content.pointer("/cluster/proxy/disabled");
        if disabled == Some(&false.into()) {
            let message = format!(
                "this patch keeps kube-proxy, which `{}` replaces",
                provider.name
            );
            let finding = Diagnostic::new(Code::KubeProxyKept, patch.tree.span, message)
                .in_file(patch.file.as_deref())
                .also(
                    cluster.listed(&provider.name).unwrap_or_default(),
                    "replaces it",
                );
            findings.add(finding.help("remove `cluster.proxy` from the patch"));
        }
    }
}
