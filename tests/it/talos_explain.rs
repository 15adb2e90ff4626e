//! `homelab render --explain`: whole outputs, as people and programs see them.

use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        a_part_of_a_configuration_is_explained,
        a_leaf_is_explained_for_programs,
        what_is_not_there_is_a_slip,
    ]
}

/// The spec of the unit tests, with patches of every scope, one of them in a file.
fn repository() -> TestEnv {
    let env = TestEnv::new();
    let spec = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/render/talos/explain/tests/spec.yaml"
    );
    env.write("homelab.yaml", std::fs::read(spec).expect("it is there"));
    let patch = "machine:\n  sysctls:\n    vm.swappiness: \"10\"\n";
    env.write("patches/all.yaml", patch);
    env
}

fn a_part_of_a_configuration_is_explained() {
    let run = repository()
        .homelab(["render", "--explain", "talos-1", "machine"])
        .run()
        .success();
    insta::assert_snapshot!(run.stdout, @r#"
    v1alpha1: machine.type                                                                  "controlplane"                                    generator v1.13
    v1alpha1: machine.token                                                                 "******"                                          generator v1.13
    v1alpha1: machine.ca.crt                                                                "******"                                          generator v1.13
    v1alpha1: machine.ca.key                                                                "******"                                          generator v1.13
    v1alpha1: machine.certSANs[0]                                                           "api.homelab.local"                               homelab.yaml:28:9 spec.controlPlane.certSANs[0]
    v1alpha1: machine.certSANs[1]                                                           "talos.homelab.local"                             homelab.yaml:79:15 patch for control planes
    v1alpha1: machine.kubelet.image                                                         "ghcr.io/siderolabs/kubelet:v1.36.4"              homelab.yaml:7:14 spec.kubernetes.version
    v1alpha1: machine.kubelet.defaultRuntimeSeccompProfileEnabled                           true                                              generator v1.13
    v1alpha1: machine.kubelet.disableManifestsDirectory                                     true                                              generator v1.13
    v1alpha1: machine.kubelet.nodeIP.validSubnets[0]                                        "192.168.1.0/24"                                  homelab.yaml:16:12 spec.network.nodes
    v1alpha1: machine.install.image                                                         "factory.talos.dev/metal-installer/376567988ad3…  homelab.yaml:10:16 spec.distribution.talos.version
    v1alpha1: machine.install.wipe                                                          false                                             generator v1.13
    v1alpha1: machine.install.grubUseUKICmdline                                             true                                              generator v1.13
    v1alpha1: machine.install.diskSelector.serial                                           "S4EVNX0R100001"                                  homelab.yaml:48:17 spec.nodes[talos-1].disk.serial
    v1alpha1: machine.sysctls."vm.nr_hugepages"                                             "1024"                                            homelab.yaml:35:28 class `big`, spec.classes.big.machine.sysctls."vm.nr_hugepages"
    v1alpha1: machine.sysctls."vm.max_map_count"                                            "262144"                                          homelab.yaml:74:31 patch for all nodes
    v1alpha1: machine.sysctls."vm.swappiness"                                               "10"                                              patches/all.yaml:3:20 patch for all nodes
    v1alpha1: machine.features.diskQuotaSupport                                             true                                              generator v1.13
    v1alpha1: machine.features.kubePrism.enabled                                            true                                              generator v1.13
    v1alpha1: machine.features.kubePrism.port                                               7445                                              generator v1.13
    v1alpha1: machine.features.hostDNS.enabled                                              true                                              generator v1.13
    v1alpha1: machine.features.hostDNS.forwardKubeDNSToHost                                 false                                             homelab.yaml:90:5 component `cilium`
    v1alpha1: machine.nodeLabels."node.kubernetes.io/exclude-from-external-load-balancers"  ""                                                generator v1.13
    v1alpha1: machine.nodeLabels.zone                                                       "attic"                                           homelab.yaml:32:15 class `big`, spec.classes.big.labels.zone
    v1alpha1: machine.nodeAnnotations.floor                                                 "cellar"                                          homelab.yaml:14:18 spec.distribution.talos.machine.annotations.floor
    v1alpha1: machine.nodeAnnotations.rack                                                  "r1"                                              homelab.yaml:55:17 spec.nodes[talos-1].machine.annotations.rack
    v1alpha1: machine.logging.destinations[endpoint=udp://192.168.1.9:5140/].endpoint       "udp://192.168.1.9:5140/"                         homelab.yaml:40:29 patch for class `big`
    v1alpha1: machine.logging.destinations[endpoint=udp://192.168.1.9:5140/].format         "json_lines"                                      homelab.yaml:41:27 patch for class `big`
    "#);
}

fn a_leaf_is_explained_for_programs() {
    let place = ["machine.sysctls.\"vm.swappiness\"", "--output", "json"];
    let run = repository()
        .homelab(["render", "--explain", "talos-1"].iter().chain(&place))
        .run()
        .success();
    insta::assert_snapshot!(run.stdout, @r#"
    {
      "node": "talos-1",
      "leaves": [
        {
          "kind": "v1alpha1",
          "path": "machine.sysctls.\"vm.swappiness\"",
          "value": "10",
          "from": "patch",
          "scope": "all nodes",
          "file": "patches/all.yaml",
          "line": 3,
          "column": 20
        }
      ]
    }
    "#);
}

fn what_is_not_there_is_a_slip() {
    let env = repository();
    let slip = |arguments: &[&str]| {
        let explain = ["render", "--explain"];
        let run = env.homelab(explain.iter().chain(arguments)).run();
        run.expect_code(2).stderr
    };
    insta::assert_snapshot!(slip(&["nobody"]), @"
    error: homelab.yaml has no node `nobody`
    hint: its nodes are talos-1, worker-1
    ");
    insta::assert_snapshot!(slip(&["talos-1", "machine.nothing"]), @"
    error: the configuration of `talos-1` has nothing at `machine.nothing`
    hint: `homelab render --explain talos-1` lists every place
    ");
    assert!(!env.has("infrastructure"), "nothing is written");
}
