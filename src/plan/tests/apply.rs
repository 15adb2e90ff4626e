//! Plans of changes, as they are shown.

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::plan::change::changes;
use crate::render::reference::NoSecrets;

/// A machine that runs and would be changed so.
fn edited(
    number: u8,
    before: serde_json::Value,
    after: serde_json::Value,
    reboots: bool,
) -> NodeState {
    let NodeState::Ours(mut running) = ours(number, alive(&["talos-1", "talos-2", "talos-3"]))
    else {
        unreachable!("`ours` makes nothing else")
    };
    let talos = "v1.13.9".parse().expect("a version");
    let changes = changes(&[before], &[after], &talos, &NoSecrets);
    running.pending = Some(Pending { changes, reboots });
    NodeState::Ours(running)
}

fn sysctl(number: u8) -> NodeState {
    let before = json!({"version": "v1alpha1", "machine": {"sysctls": {"a": "1"}}});
    let after = json!({"version": "v1alpha1", "machine": {"sysctls": {"a": "2"}, "kubelet": {"image": "x"}}});
    edited(number, before, after, false)
}

fn env(number: u8) -> NodeState {
    let before = json!({"version": "v1alpha1", "machine": {"env": {"A": "1"}}});
    let after = json!({"version": "v1alpha1", "machine": {"env": {"A": "2"}, "install": {"disk": "/dev/sdb"}}});
    edited(number, before, after, true)
}

fn well(number: u8) -> NodeState {
    ours(number, alive(&["talos-1", "talos-2", "talos-3"]))
}

fn decide_change(observed: &Observed) -> Plan {
    apply(&cluster(), observed, &Consents::default())
}

#[test]
fn a_change_in_full() {
    assert_snapshot!(decide_change(&with([sysctl(1), env(2), well(3)])), @"
    change of `homelab`
    warning: `machine.install.disk` of `talos-2` counts only when Talos is installed or upgraded

    Kubernetes API and kubeconfig
      fetch the kubeconfig from `talos-1`
          why: the lease and the nodes are asked of the Kubernetes API
       before: `talos-1` answers with this cluster's identity
        after: the kubeconfig is stored
       effect: writes `.homelab/state/kubeconfig`
      wait until the Kubernetes API of `talos-1` is ready
          why: nothing is changed while Kubernetes cannot be asked how its nodes are
      take the operator's lease
          why: one operator at a time, from any computer
        after: this run holds the operator's lease
       effect: applies objects to Kubernetes

    change the machines, one at a time
      apply the changed configuration to `talos-1`
          why: changes in `machine.sysctls.a`, `machine.kubelet.image`
       before: etcd keeps its quorum without `talos-1`
        after: `talos-1` runs the planned configuration, and it and etcd are well
       effect: kubelet of `talos-1` restarts
      apply the changed configuration to `talos-2`
          why: changes in `machine.env.A`, `machine.install.disk`
       before: etcd keeps its quorum without `talos-2`
        after: `talos-2` runs the planned configuration, and it and etcd are well
       effect: `talos-2` restarts
    ");
}

#[test]
fn nothing_to_change_has_no_steps() {
    let plan = decide_change(&with([well(1), well(2), well(3)]));
    assert!(plan.steps.is_empty() && plan.refusals.is_empty(), "{plan}");
}

#[test]
fn a_restart_waits_for_voters_that_are_not_well() {
    let broken = EtcdSigns::Alive {
        healthy: false,
        members: vec![
            "talos-1".to_owned(),
            "talos-2".to_owned(),
            "talos-3".to_owned(),
        ],
    };
    let plan = decide_change(&with([env(1), ours(2, broken.clone()), well(3)]));
    assert_eq!(fences(&plan), [Fence::Quorum]);
    assert_snapshot!(plan, @"
    change of `homelab`
    warning: `machine.install.disk` of `talos-1` counts only when Talos is installed or upgraded

    nothing will be done:
      - `talos-1` would restart, and without it 1 of 3 voters are healthy: etcd needs 2
        mend the other control planes first: `homelab doctor` names what is wrong with them
    ");
    // A change that restarts nothing does not touch the quorum.
    let plan = decide_change(&with([sysctl(1), ours(2, broken), well(3)]));
    assert_eq!(fences(&plan), []);
}

#[test]
fn a_tree_that_is_not_pushed_is_said_and_stops_nothing() {
    let mut observed = with([sysctl(1), well(2), well(3)]);
    observed.git = Git::Uncommitted { paths: 2 };
    let plan = decide_change(&observed);
    assert!(plan.refusals.is_empty(), "{plan}");
    assert_eq!(
        plan.warnings,
        ["the working tree has 2 changes that no commit holds"]
    );
    observed.tree = Tree::Stale(vec!["docs/cluster.md".into()]);
    assert_eq!(decide_change(&observed).severity(), Some(Severity::Differs));
}

#[test]
fn a_machine_that_cannot_be_asked_stops_everything() {
    let plan = decide_change(&with([sysctl(1), silent(), maintenance(3)]));
    assert_eq!(
        fences(&plan),
        [Fence::NotBootstrapped, Fence::MachineUnreachable]
    );
    let plan = decide_change(&with([silent(), silent(), silent()]));
    assert_eq!(plan.severity(), Some(Severity::Unreachable));
}

#[test]
fn without_an_etcd_or_with_two_nothing_is_changed() {
    let etcd = |number, signs| {
        let NodeState::Ours(mut running) = sysctl(number) else {
            unreachable!("`sysctl` makes nothing else")
        };
        running.etcd = signs;
        NodeState::Ours(running)
    };
    let waiting = [1, 2, 3].map(|number| etcd(number, EtcdSigns::Waiting));
    assert_eq!(
        fences(&decide_change(&with(waiting))),
        [Fence::NotBootstrapped]
    );
    let split = [
        etcd(1, alive(&["talos-1"])),
        etcd(2, alive(&["talos-2", "talos-3"])),
        etcd(3, alive(&["talos-2", "talos-3"])),
    ];
    assert_eq!(fences(&decide_change(&with(split))), [Fence::EtcdSplit]);
}

#[test]
fn identity_is_for_life() {
    for (before, after) in [
        (
            json!({"cluster": {"id": "a"}}),
            json!({"cluster": {"id": "b"}}),
        ),
        (
            json!({"cluster": {"clusterName": "a"}}),
            json!({"cluster": {"clusterName": "b"}}),
        ),
        (
            json!({"cluster": {"network": {"podSubnets": ["10.1.0.0/16"]}}}),
            json!({"cluster": {"network": {"podSubnets": ["10.2.0.0/16"]}}}),
        ),
        (
            json!({"cluster": {"network": {"serviceSubnets": ["10.1.0.0/16"]}}}),
            json!({"cluster": {"network": {"serviceSubnets": ["10.2.0.0/16"]}}}),
        ),
        (
            json!({"cluster": {"ca": {"crt": "a"}}}),
            json!({"cluster": {"ca": {"crt": "b"}}}),
        ),
        (
            json!({"machine": {"type": "controlplane"}}),
            json!({"machine": {"type": "worker"}}),
        ),
        (
            json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig", "hostname": "a"}),
            json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig", "hostname": "b"}),
        ),
        (
            json!({"apiVersion": "v1alpha1", "kind": "DiscoveryIdentityConfig", "clusterID": "a"}),
            json!({"apiVersion": "v1alpha1", "kind": "DiscoveryIdentityConfig", "clusterID": "b"}),
        ),
        (
            json!({"apiVersion": "v1alpha1", "kind": "KubeAPIServerCAConfig", "issuingCA": {"cert": "a"}}),
            json!({"apiVersion": "v1alpha1", "kind": "KubeAPIServerCAConfig", "issuingCA": {"cert": "b"}}),
        ),
    ] {
        let plan = decide_change(&with([edited(1, before, after, false), well(2), well(3)]));
        assert_eq!(fences(&plan), [Fence::IdentityField], "{plan}");
        assert_eq!(plan.severity(), Some(Severity::Refused));
    }
}

#[test]
fn a_single_voter_goes_and_comes_back() {
    let mut single = cluster();
    single.nodes.truncate(1);
    let NodeState::Ours(mut running) = env(1) else {
        unreachable!("`env` makes nothing else")
    };
    running.etcd = alive(&["talos-1"]);
    let mut observed = fresh();
    observed.nodes = [(name("talos-1"), NodeState::Ours(running))].into();
    let plan = apply(&single, &observed, &Consents::default());
    assert!(plan.refusals.is_empty(), "{plan}");
    assert_eq!(plan.steps.len(), 4);
}

#[test]
fn another_minor_release_of_kubernetes_is_no_change_to_be_applied() {
    let image = |release: &str| format!("registry.example.net:5000/kubelet:{release}");
    let from_to = |before: &str, after: &str| {
        let config = |release: &str| json!({"version": "v1alpha1", "machine": {"kubelet": {"image": image(release)}}});
        let edited = edited(1, config(before), config(after), false);
        decide_change(&with([edited, well(2), well(3)]))
    };
    assert_eq!(from_to("v1.36.3", "v1.36.4").refusals, []);
    assert_eq!(from_to("v1.36.4@sha256:0f1e", "v1.36.3").refusals, []);
    let pinned = from_to("v1.35.8@sha256:0f1e", "v1.36.4@sha256:1f2e").refusals;
    assert_eq!(pinned.len(), 1, "{pinned:?}");
    for kind in [
        "KubeletConfig",
        "KubeAPIServerConfig",
        "KubeControllerManagerConfig",
        "KubeSchedulerConfig",
    ] {
        let config =
            |release| json!({"apiVersion": "v1alpha1", "kind": kind, "image": image(release)});
        let edited = edited(1, config("v1.35.8"), config("v1.36.4"), false);
        let refusals = decide_change(&with([edited, well(2), well(3)])).refusals;
        assert_eq!(refusals.len(), 1, "{kind}: {refusals:?}");
    }
    for (before, after, remedy) in [
        ("v1.35.8", "v1.36.4", "upgrade with `talosctl upgrade-k8s`"),
        (
            "v1.36.4",
            "v1.34.0",
            "bring homelab.yaml back to Kubernetes v1.36.4",
        ),
    ] {
        let refusals = from_to(before, after).refusals;
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        assert_eq!(refusals[0].fence, Fence::KubernetesUpgrade);
        assert!(refusals[0].remedy.contains(remedy), "{refusals:?}");
    }
}
