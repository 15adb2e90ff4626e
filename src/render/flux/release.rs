//! A chart as Flux installs it: a source and a HelmRelease, both in the release's own namespace.

use serde_json::{Value, json};

use crate::catalog::ChartSource;
use crate::render::ChartRelease;

/// Returns file name and object of source and release.
pub(super) fn files(release: &ChartRelease) -> [(&'static str, Value); 2] {
    let source = match &release.source {
        ChartSource::Oci(url) => ("ocirepository.yaml", oci_repository(release, url)),
        ChartSource::Helm(url) => ("helmrepository.yaml", helm_repository(release, url)),
    };
    [("helmrelease.yaml", helm_release(release)), source]
}

fn oci_repository(release: &ChartRelease, url: &str) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": release.component, "namespace": release.namespace},
        "spec": {
            "interval": "1h",
            "url": url,
            "ref": {"tag": release.version},
            "layerSelector": {
                "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
                "operation": "copy",
            },
        },
    })
}

fn helm_repository(release: &ChartRelease, url: &str) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": release.component, "namespace": release.namespace},
        "spec": {"interval": "1h", "url": url},
    })
}

/// A failed installation is tried again in place and never uninstalled: the release may be the pod
/// network that came before Flux.
fn helm_release(release: &ChartRelease) -> Value {
    let strategy = json!({"name": "RetryOnFailure", "retryInterval": "1m"});
    let (key, chart) = match &release.source {
        ChartSource::Oci(_) => (
            "chartRef",
            json!({"kind": "OCIRepository", "name": release.component}),
        ),
        ChartSource::Helm(_) => (
            "chart",
            json!({"spec": {
                "chart": release.chart,
                "version": release.version,
                "sourceRef": {"kind": "HelmRepository", "name": release.component},
                "interval": "1h",
            }}),
        ),
    };
    json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": release.component, "namespace": release.namespace},
        "spec": {
            "interval": "1h",
            "timeout": "10m",
            "releaseName": release.release,
            key: chart,
            "install": {"crds": "CreateReplace", "strategy": strategy},
            "upgrade": {"crds": "CreateReplace", "cleanupOnFail": true, "strategy": strategy},
            "values": release.values,
        },
    })
}
