//! The objects that come before Git, for the reference cluster.

use serde_json::json;

use super::*;
use crate::catalog::Catalog;
use crate::catalog::tests::reference_cluster;
use crate::spec::Cluster;

fn of(cluster: &Cluster) -> BootstrapManifests {
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    manifests(cluster, &catalog).expect("renders")
}

#[test]
fn the_network_comes_first_then_the_engine() {
    let manifests = of(&reference_cluster());
    let names = |run: &ChartRun| -> Vec<String> {
        run.releases
            .iter()
            .map(|it| format!("{}/{}", it.namespace, it.release))
            .collect()
    };
    assert_eq!(
        names(&manifests.network),
        ["kube-system/kube-vip", "kube-system/cilium"]
    );
    assert_eq!(names(&manifests.operator), ["flux-system/flux-operator"]);
    assert_eq!(manifests.namespaces[0]["metadata"]["name"], "flux-system");
    assert_eq!(manifests.namespaces.len(), 1);
    let instance = &manifests.instance[0];
    assert_eq!(instance["kind"], "FluxInstance");
    assert_eq!(
        instance["spec"]["sync"]["pullSecret"],
        GIT_CREDENTIALS_SECRET
    );
    assert_eq!(instance["metadata"]["namespace"], GITOPS_NAMESPACE);
}

#[test]
fn the_script_installs_each_chart_without_server_side_apply() {
    let manifests = of(&reference_cluster());
    let objects = manifests.network.objects();
    let script = objects[2]["data"]["install.sh"].as_str().expect("a script");
    insta::assert_snapshot!(script, @r##"
    #!/bin/sh
    # Installs the charts that come before Git. Safe to run again.
    set -eu

    # Frees a release that a killed run left pending; Helm would refuse to touch it.
    unlock() {
      if [ -z "$(helm list --pending --short --namespace "$2" --filter "^$1\$")" ]; then
        return
      fi
      helm rollback "$1" --namespace "$2" --no-hooks || helm uninstall "$1" --namespace "$2" --no-hooks
    }

    unlock kube-vip kube-system
    helm upgrade --install kube-vip kube-vip --repo https://kube-vip.github.io/helm-charts --version 0.9.9 \
      --namespace kube-system --values /charts/kube-vip.yaml --server-side=false --no-hooks

    unlock cilium kube-system
    helm upgrade --install cilium oci://quay.io/cilium/charts/cilium --version 1.20.1 \
      --namespace kube-system --values /charts/cilium.yaml --server-side=false --no-hooks
    "##);
}

#[test]
fn a_job_is_another_one_when_what_it_installs_changes() {
    let before = of(&reference_cluster()).network;
    let mut cluster = reference_cluster();
    cluster.components[1]
        .values
        .insert("debug".to_owned(), json!({"enabled": true}));
    let after = of(&cluster).network;
    assert_ne!(before.job_name(), after.job_name());
    assert_eq!(
        before.job_name(),
        of(&reference_cluster()).network.job_name()
    );
}

#[test]
fn a_secret_reference_does_not_reach_git_as_a_chart_value() {
    let mut cluster = reference_cluster();
    let reference = json!({"secretRef": "cluster/secrets/x.sops.yaml#data.key"});
    cluster.components[1]
        .values
        .insert("key".to_owned(), reference);
    let catalog = Catalog::embedded().expect("the shipped catalogue loads");
    let error = manifests(&cluster, &catalog).expect_err("refused");
    let text = "the values of `cilium` refer to the secret `cluster/secrets/x.sops.yaml#data.key`, \
        and chart values cannot: name a Kubernetes Secret in them instead";
    assert_eq!(error.to_string(), text);
    cluster.components[1].values["key"] = json!({"secretRef": "the-charts-own"});
    manifests(&cluster, &catalog).expect("a chart's own setting");
}

#[test]
fn what_flux_owns_is_left_alone() {
    let run = of(&reference_cluster()).network;
    let some = run.clone().without(|it| it.release == "cilium");
    assert_eq!(some.releases.len(), 1);
    assert!(run.without(|_| true).objects().is_empty());
}

#[test]
fn words_from_outside_cannot_leave_their_place_in_the_script() {
    let mut cluster = reference_cluster();
    cluster.components[1].version = "1.20.1; reboot #'x".to_owned();
    let objects = of(&cluster).network.objects();
    let script = objects[2]["data"]["install.sh"].as_str().expect("a script");
    assert!(
        script.contains(r"--version '1.20.1; reboot #'\''x' \"),
        "{script}"
    );
}
