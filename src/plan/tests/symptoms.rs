//! The table of symptoms: sentences as they are really seen, and what they lead to.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use super::*;
use crate::plan::symptoms::SYMPTOMS;

fn machine() -> Condition {
    Condition::HasIdentity {
        node: name("talos-2"),
    }
}

fn etcd() -> Condition {
    Condition::EtcdComplete {
        nodes: vec![name("talos-1"), name("talos-2")],
    }
}

fn node() -> Condition {
    Condition::NodesReady {
        nodes: vec![name("talos-2")],
    }
}

fn api() -> Condition {
    Condition::ApiReady {
        node: name("talos-1"),
    }
}

fn git() -> Condition {
    Condition::Reconciled { revision: None }
}

/// What Talos 1.13 and etcd 3.6 say, and what this program says of them.
fn of_machines() -> Vec<(Condition, &'static str)> {
    vec![
        (
            machine(),
            "`talos-2` does not answer: `192.168.1.102:50000` is not in the connection map",
        ),
        (etcd(), "time is not in sync yet"),
        (
            machine(),
            "`192.168.1.102:50000` shows a certificate that is not valid yet",
        ),
        (
            machine(),
            "`talos-2` answers with other secrets than this bundle's",
        ),
        (machine(), "still in maintenance mode"),
        (
            machine(),
            "`192.168.1.102:50000` broke off the TLS handshake: internal error",
        ),
        (
            machine(),
            "no disks matched the expression: disk.serial == \"X\"",
        ),
        (
            machine(),
            "failed to pull image \"ghcr.io/siderolabs/kubelet:v1.36.99\": not found",
        ),
        (machine(), "services: kubelet: no suitable node IP found"),
        (etcd(), "etcdserver: too many learner members in cluster"),
        (
            etcd(),
            "etcdserver: can only promote a learner member which is in sync with leader",
        ),
        (etcd(), "etcdserver: mvcc: database space exceeded"),
        (etcd(), "etcdserver: no leader"),
        (etcd(), "`talos-2` is booting, etcd waits"),
        (machine(), "bootstrap is not available yet"),
        (
            machine(),
            "`talos-2` is running (staticPods: kube-system/kube-apiserver-talos-2 not ready)",
        ),
        (
            machine(),
            "`talos-2` is running (nodeReady: node \"talos-2\" status is not available yet)",
        ),
        (
            machine(),
            "`talos-2` is booting, services: kubelet not healthy",
        ),
        (
            machine(),
            "cannot reach `192.168.1.102:50000`: connection refused",
        ),
        (
            machine(),
            "no answer to `connect` from `192.168.1.102:50000` within 10s",
        ),
    ]
}

/// What Kubernetes 1.36 says of its nodes and its API.
fn of_kubernetes() -> Vec<(Condition, &'static str)> {
    vec![
        (
            api(),
            "cannot reach the Kubernetes API: `192.168.1.101:6443` is not in the connection map",
        ),
        (
            node(),
            "`talos-2`: KubeletNotReady: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
        ),
        (node(), "`talos-2` is not registered yet"),
        (
            node(),
            "NodeStatusUnknown: Kubelet stopped posting node status.",
        ),
        (node(), "`talos-2`: KubeletHasDiskPressure: DiskPressure"),
        (
            api(),
            "cannot reach the Kubernetes API: its certificate is not one that this cluster's authority signed",
        ),
        (
            api(),
            "the Kubernetes API refused readiness: Unauthorized (401)",
        ),
        (
            api(),
            "the Kubernetes API does not answer: no control plane answers",
        ),
        (Condition::LeaseHeld, "another operator holds the lease"),
        (
            Condition::VipAnswers {
                address: [192, 168, 1, 100].into(),
            },
            "cannot reach the Kubernetes API: tls handshake eof",
        ),
        (
            Condition::LeaseHeld,
            "the Kubernetes API refused to apply: etcdserver: mvcc: database space exceeded (500)",
        ),
    ]
}

/// What Flux 2.9 says when it does not get at what it should apply.
fn of_sources() -> Vec<(Condition, &'static str)> {
    vec![
        (
            git(),
            "Kustomization `flux-system/apps`: BuildFailed: decryption failed for 'Secret.v1.[noGrp]/a': cannot get sops data key: age: identity did not match any of the recipients",
        ),
        (
            Condition::Verified,
            "Secret `demo/login` holds ciphertext: its Kustomization does not decrypt",
        ),
        (
            Condition::Verified,
            "Secret `demo/login` has two owners: Kustomization `flux-system/a` and Kustomization `flux-system/b`",
        ),
        (
            git(),
            "GitRepository `flux-system/flux-system`: GitOperationFailed: failed to checkout and determine revision: unable to clone 'ssh://git@git.lan/a': ssh: handshake failed: ssh: unable to authenticate",
        ),
        (
            git(),
            "GitRepository `flux-system/flux-system`: GitOperationFailed: failed to checkout and determine revision: unable to clone 'http://git.lan/a.git': couldn't find remote ref \"refs/heads/nope\"",
        ),
        (
            git(),
            "GitRepository `flux-system/flux-system`: GitOperationFailed: unable to clone 'http://git.lan/a.git': repository not found: a",
        ),
        (
            git(),
            "GitRepository `flux-system/flux-system`: GitOperationFailed: unable to clone: dial tcp: lookup git.lan: no such host",
        ),
        (
            git(),
            "OCIRepository `flux-system/podinfo`: OCIPullFailed: tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        (
            git(),
            "GitRepository `flux-system/flux-system`: GitOperationFailed: unable to clone 'http://10.0.0.9/a.git': dial tcp 10.0.0.9:80: connect: connection refused",
        ),
        (
            git(),
            "Kustomization `flux-system/apps`: ArtifactFailed: kustomization path not found: stat /tmp/x/nope: no such file or directory",
        ),
        (
            git(),
            "HelmRelease `demo/demo`: SourceNotReady: HelmChart 'demo/demo-demo' is not ready: invalid chart reference: stat nope",
        ),
        (
            git(),
            "Kustomization `flux-system/apps`: DependencyNotReady: dependency 'ns/ghost' not found",
        ),
    ]
}

/// What Flux 2.9 and Kubernetes 1.36 say when something does not come up.
fn of_objects() -> Vec<(Condition, &'static str)> {
    vec![
        (
            git(),
            "Kustomization `flux-system/apps`: BuildFailed: post build failed for 'ConfigMap/a': envsubst error: variable substitution failed: variable not set (strict mode): \"GREETING\"",
        ),
        (
            git(),
            "Kustomization `flux-system/apps`: ReconciliationFailed: ClusterIssuer/le dry-run failed: no matches for kind \"ClusterIssuer\" in version \"cert-manager.io/v1\"",
        ),
        (
            git(),
            "Kustomization `flux-system/apps`: ReconciliationFailed: Pod/a dry-run failed (Forbidden): pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"",
        ),
        (
            git(),
            "Kustomization `flux-system/apps`: ReconciliationFailed: admission webhook \"validate.nginx\" denied the request",
        ),
        (
            Condition::Verified,
            "Pod `demo/demo-7d9`: ImagePullBackOff: Back-off pulling image \"nope\"",
        ),
        (
            Condition::Verified,
            "Pod `demo/demo-7d9`: CrashLoopBackOff: back-off 5m0s restarting failed container",
        ),
        (
            Condition::Verified,
            "Pod `demo/demo-7d9`: Unschedulable: 0/3 nodes are available: 3 Insufficient memory",
        ),
        (
            Condition::Ready {
                objects: ObjectSet::Charts,
            },
            "Job `kube-system/homelab-charts`: BackoffLimitExceeded: Job has reached the specified backoff limit",
        ),
        (
            git(),
            "HelmRelease `demo/demo`: InstallFailed: Helm install failed for release demo/demo",
        ),
        (
            git(),
            "Kustomization `flux-system/apps`: HealthCheckFailed: health check failed after 5m0s: timeout waiting for: [Deployment/demo/demo status: 'InProgress']",
        ),
    ]
}

/// All of them, in an order that stays.
fn seen() -> Vec<(Condition, &'static str)> {
    [of_machines(), of_kubernetes(), of_sources(), of_objects()].concat()
}

#[test]
fn known_symptoms_lead_to_their_cause() {
    let table: Vec<_> = seen()
        .iter()
        .map(|(condition, seen)| {
            let diagnosis = diagnose(condition, seen);
            format!(
                "{seen}\n  cause: {}\n  try: {}",
                diagnosis.cause, diagnosis.command
            )
        })
        .collect();
    assert_snapshot!(table.join("\n"));
}

#[test]
fn every_row_of_the_table_is_reached_by_what_is_really_seen() {
    let reached: BTreeSet<String> = seen()
        .iter()
        .map(|(condition, seen)| diagnose(condition, seen).cause)
        .collect();
    let rows: BTreeSet<String> = SYMPTOMS.iter().map(|row| row.cause.to_owned()).collect();
    assert_eq!(
        rows.len(),
        SYMPTOMS.len(),
        "each row has a cause of its own"
    );
    let missed: Vec<_> = rows.difference(&reached).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// One of each kind of condition.
fn conditions() -> Vec<Condition> {
    let (one, several) = (name("talos-1"), vec![name("talos-1"), name("talos-2")]);
    let of_one = |condition: fn(NodeName) -> Condition| condition(one.clone());
    let of_several = |condition: fn(Vec<NodeName>) -> Condition| condition(several.clone());
    vec![
        of_one(|node| Condition::HasIdentity { node }),
        of_one(|node| Condition::TookConfiguration { node }),
        of_one(|node| Condition::Configured { node }),
        of_one(|node| Condition::EtcdHealthy { node }),
        of_one(|node| Condition::ApiReady { node }),
        of_several(|nodes| Condition::NoEtcd { nodes }),
        of_several(|nodes| Condition::EtcdComplete { nodes }),
        of_several(|nodes| Condition::NodesRegistered { nodes }),
        of_several(|nodes| Condition::NodesReady { nodes }),
        Condition::VipAnswers {
            address: [192, 168, 1, 100].into(),
        },
        Condition::LeaseHeld,
        Condition::Always,
        Condition::KubeconfigStored,
        Condition::KubeconfigPublished,
        git(),
        Condition::ChartRunnerGone,
        Condition::Verified,
    ]
}

#[test]
fn no_command_keeps_a_word_that_stands_for_a_name() {
    let mut sentences: Vec<String> = SYMPTOMS
        .iter()
        .flat_map(|row| row.seen.iter().map(|part| (*part).to_owned()))
        .collect();
    sentences.push("something else".to_owned());
    let told: Vec<_> = sentences
        .iter()
        .flat_map(|part| [part.clone(), format!("Pod `demo/web-1`: {part}")])
        .collect();
    for condition in conditions() {
        for seen in &told {
            let command = diagnose(&condition, seen).command;
            for word in ["NODE", "KIND", "NAME", "FILE"] {
                assert!(!command.contains(word), "{condition}: {seen}: {command}");
            }
        }
    }
}

#[test]
fn several_machines_are_named_as_each_program_takes_them() {
    let condition = Condition::NodesReady {
        nodes: vec![name("talos-1"), name("talos-2")],
    };
    assert_eq!(
        diagnose(&condition, "something else").command,
        "kubectl describe node talos-1 talos-2; kubectl -n kube-system get pods -o wide"
    );
    let command = diagnose(&etcd(), "something else").command;
    assert!(
        command.starts_with("talosctl -n talos-1,talos-2 "),
        "{command}"
    );
}

#[test]
fn an_object_s_failure_is_not_taken_for_a_machine_s() {
    let refused =
        "GitRepository `flux-system/flux-system`: dial tcp 10.0.0.9:80: connection refused";
    let diagnosis = diagnose(&git(), refused);
    assert_eq!(diagnosis.cause, "the cluster cannot reach the server");
}

#[test]
fn what_nobody_knows_leads_to_what_shows_more() {
    for condition in [machine(), etcd(), node(), api(), git(), Condition::Verified] {
        let diagnosis = diagnose(&condition, "something else");
        assert!(!diagnosis.cause.is_empty() && !diagnosis.command.is_empty());
        assert!(!diagnosis.command.contains("NODE"), "{}", diagnosis.command);
    }
}
