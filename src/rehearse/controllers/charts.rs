//! What the charts that a rehearsal knows bring into a cluster: enough to wait for.
//!
//! The simulation does not render charts. A chart it does not know brings one Deployment named
//! like its release, so that foreign components rehearse too.

use serde_json::{Value, json};

/// A release to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) chart: String,
    pub(super) version: String,
    /// Whether Helm waits until everything is ready.
    pub(super) waits: bool,
}

/// The definitions that a chart brings itself.
const CHART_KINDS: &[(&str, &[Definition])] = &[
    (
        "cert-manager",
        &[
            ("cert-manager.io", "v1", "Certificate", "certificates", true),
            (
                "cert-manager.io",
                "v1",
                "CertificateRequest",
                "certificaterequests",
                true,
            ),
            (
                "cert-manager.io",
                "v1",
                "ClusterIssuer",
                "clusterissuers",
                false,
            ),
            ("cert-manager.io", "v1", "Issuer", "issuers", true),
            (
                "acme.cert-manager.io",
                "v1",
                "Challenge",
                "challenges",
                true,
            ),
            ("acme.cert-manager.io", "v1", "Order", "orders", true),
        ],
    ),
    (
        "flux-operator",
        &[
            (
                "fluxcd.controlplane.io",
                "v1",
                "FluxInstance",
                "fluxinstances",
                true,
            ),
            (
                "fluxcd.controlplane.io",
                "v1",
                "FluxReport",
                "fluxreports",
                true,
            ),
            (
                "fluxcd.controlplane.io",
                "v1",
                "ResourceSet",
                "resourcesets",
                true,
            ),
            (
                "fluxcd.controlplane.io",
                "v1",
                "ResourceSetInputProvider",
                "resourcesetinputproviders",
                true,
            ),
        ],
    ),
];

/// The definitions that a running operator registers itself: the Deployment, then the kinds.
pub(super) const OPERATOR_KINDS: &[(&str, &[Definition])] = &[(
    "cilium-operator",
    &[
        (
            "cilium.io",
            "v2",
            "CiliumLoadBalancerIPPool",
            "ciliumloadbalancerippools",
            false,
        ),
        (
            "cilium.io",
            "v2",
            "CiliumNetworkPolicy",
            "ciliumnetworkpolicies",
            true,
        ),
        (
            "cilium.io",
            "v2",
            "CiliumClusterwideNetworkPolicy",
            "ciliumclusterwidenetworkpolicies",
            false,
        ),
        (
            "cilium.io",
            "v2",
            "CiliumBGPClusterConfig",
            "ciliumbgpclusterconfigs",
            false,
        ),
        (
            "cilium.io",
            "v2",
            "CiliumBGPPeerConfig",
            "ciliumbgppeerconfigs",
            false,
        ),
        (
            "cilium.io",
            "v2",
            "CiliumBGPAdvertisement",
            "ciliumbgpadvertisements",
            false,
        ),
        (
            "cilium.io",
            "v2alpha1",
            "CiliumL2AnnouncementPolicy",
            "ciliuml2announcementpolicies",
            false,
        ),
    ],
)];

/// The definitions of Flux.
pub(super) const FLUX_KINDS: &[Definition] = &[
    (
        "source.toolkit.fluxcd.io",
        "v1",
        "GitRepository",
        "gitrepositories",
        true,
    ),
    (
        "source.toolkit.fluxcd.io",
        "v1",
        "OCIRepository",
        "ocirepositories",
        true,
    ),
    (
        "source.toolkit.fluxcd.io",
        "v1",
        "HelmRepository",
        "helmrepositories",
        true,
    ),
    (
        "source.toolkit.fluxcd.io",
        "v1",
        "HelmChart",
        "helmcharts",
        true,
    ),
    ("source.toolkit.fluxcd.io", "v1", "Bucket", "buckets", true),
    (
        "source.toolkit.fluxcd.io",
        "v1",
        "ExternalArtifact",
        "externalartifacts",
        true,
    ),
    (
        "kustomize.toolkit.fluxcd.io",
        "v1",
        "Kustomization",
        "kustomizations",
        true,
    ),
    (
        "helm.toolkit.fluxcd.io",
        "v2",
        "HelmRelease",
        "helmreleases",
        true,
    ),
    (
        "notification.toolkit.fluxcd.io",
        "v1beta3",
        "Alert",
        "alerts",
        true,
    ),
    (
        "notification.toolkit.fluxcd.io",
        "v1beta3",
        "Provider",
        "providers",
        true,
    ),
    (
        "notification.toolkit.fluxcd.io",
        "v1",
        "Receiver",
        "receivers",
        true,
    ),
];

/// Group, version, kind, plural, and whether objects live in namespaces.
pub(super) type Definition = (&'static str, &'static str, &'static str, &'static str, bool);

/// Writes a definition out.
pub(super) fn definition(&(group, version, kind, plural, namespaced): &Definition) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true,
                "subresources": {"status": {}}}],
        },
    })
}

/// Returns the objects that a release brings, definitions first.
pub(super) fn objects(release: &Release) -> Vec<Value> {
    let known = CHART_KINDS
        .iter()
        .find(|(chart, _)| *chart == release.chart);
    let mut objects: Vec<Value> = known
        .into_iter()
        .flat_map(|(_, kinds)| kinds.iter().map(definition))
        .collect();
    let workload = |kind: &str, name: &str| release.workload(kind, name);
    match release.chart.as_str() {
        "cilium" => {
            objects.push(workload("DaemonSet", "cilium"));
            objects.push(workload("Deployment", "cilium-operator"));
        }
        "kube-vip" => objects.push(workload("DaemonSet", &release.name)),
        "cert-manager" => {
            for name in [
                "cert-manager",
                "cert-manager-cainjector",
                "cert-manager-webhook",
            ] {
                objects.push(workload("Deployment", name));
            }
        }
        _ => objects.push(workload("Deployment", &release.name)),
    }
    for object in &mut objects {
        object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
        object["metadata"]["labels"]["app.kubernetes.io/instance"] = json!(release.name);
        object["metadata"]["annotations"] = json!({
            "meta.helm.sh/release-name": release.name,
            "meta.helm.sh/release-namespace": release.namespace,
        });
    }
    objects
}

impl Release {
    /// The pod network, the virtual IP and the operator of a network run on the host's network
    /// and tolerate nodes that are not ready; everything else waits for both.
    fn workload(&self, kind: &str, name: &str) -> Value {
        let labels = json!({"app.kubernetes.io/name": name, "k8s-app": name});
        let mut pod = json!({"containers": [{
            "name": name, "image": format!("simulated/{}:{}", self.chart, self.version),
        }]});
        if matches!(self.chart.as_str(), "cilium" | "kube-vip") {
            pod["hostNetwork"] = json!(true);
            pod["tolerations"] = json!([{"operator": "Exists"}]);
        }
        if self.chart == "kube-vip" {
            pod["nodeSelector"] = json!({"node-role.kubernetes.io/control-plane": ""});
        }
        json!({
            "apiVersion": "apps/v1", "kind": kind,
            "metadata": {"namespace": self.namespace, "name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        })
    }

    /// The record that Helm keeps of an installed revision.
    pub(super) fn record(&self, revision: usize) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {
                "namespace": self.namespace,
                "name": format!("sh.helm.release.v1.{}.v{revision}", self.name),
                "labels": {"owner": "helm", "name": self.name, "status": "deployed",
                    "version": revision.to_string()},
            },
        })
    }
}
