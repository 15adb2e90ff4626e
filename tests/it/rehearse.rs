//! `homelab rehearse` where a program reads its answer: what it prints when all is well, when a fence
//! refuses, when a run fails, and how it exits.

use crate::support::{Case, Run, TestEnv, cases};

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/homelab.yaml");

pub fn tests() -> Vec<Case> {
    cases![
        a_check_that_passes_says_nothing,
        a_check_that_is_refused_says_why_and_what_to_do,
        a_check_that_fails_names_the_likely_cause,
        a_check_from_elsewhere_is_seen_again_from_there,
        a_spec_that_can_be_planned_for_shows_the_plan,
        a_plan_is_a_document_for_programs,
        a_spec_that_is_refused_says_so_once,
        the_command_that_is_printed_plays_the_committed_clusters,
    ]
}

/// A repository with this project's own spec, in which this stands before the components.
fn with(lines: &str) -> TestEnv {
    let env = TestEnv::new();
    let spec = std::fs::read_to_string(OWN).unwrap();
    let spec = spec.replacen("  components:", &format!("{lines}  components:"), 1);
    env.write("homelab.yaml", spec);
    env
}

fn rehearse(env: &TestEnv, arguments: &str) -> Run {
    let arguments = arguments.split_whitespace();
    env.homelab(["rehearse"].into_iter().chain(arguments)).run()
}

fn a_check_that_passes_says_nothing() {
    let env = with("");
    for arguments in [
        "--check",
        "--check --fault lost-reply",
        "--check --kill-at 100 --resume other-computer",
        "--check --fault vip-taken --mend",
        "--check --spec-only",
    ] {
        let run = rehearse(&env, arguments);
        let silence = "exit: 0\n--- stdout\n--- stderr\n";
        assert_eq!(run.transcript(), silence, "{arguments}");
    }
}

fn a_check_that_is_refused_says_why_and_what_to_do() {
    let run = rehearse(&with(""), "--check --fault vip-taken");
    insta::assert_snapshot!(run.transcript(), @"
    exit: 6
    --- stdout
    --- stderr
    error: something that is not this cluster answers at the virtual IP 192.168.1.100
    hint: free the address or choose another in homelab.yaml
    hint: see it again with `homelab rehearse --seed 0 --fault vip-taken`
    ");
}

fn a_check_that_fails_names_the_likely_cause() {
    let env = with("");
    let run = rehearse(&env, "--check --seed 7 --fault image-404");
    insta::assert_snapshot!(run.transcript(), @"
    exit: 1
    --- stdout
    --- stderr
    error: `answers/talos-1`: gave up waiting until `talos-1` answers with this cluster's identity; last seen: still in maintenance mode
    hint: likely cause: the machine started from its boot medium again instead of its disk
    hint: try: remove the boot medium or put the disk first in the boot order, then restart the machine
    hint: see it again with `homelab rehearse --seed 7 --fault image-404`
    ");
    let run = rehearse(&env, "--check --fault full-etcd --output json").expect_code(1);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["converged"], false);
    assert_eq!(
        document["replay"],
        "homelab rehearse --seed 0 --fault full-etcd"
    );
    let error = document["error"].as_str().unwrap();
    assert!(run.stderr.contains(error), "{}", run.stderr);
}

fn a_check_from_elsewhere_is_seen_again_from_there() {
    let env = with("");
    std::fs::create_dir(env.root().join("my lab")).unwrap();
    std::fs::rename(
        env.root().join("homelab.yaml"),
        env.root().join("my lab/homelab.yaml"),
    )
    .unwrap();
    let arguments = [
        "-C",
        "my lab",
        "rehearse",
        "--check",
        "--fault",
        "vip-taken",
    ];
    let run = env.homelab(arguments).run().expect_code(6);
    let again =
        "hint: see it again with `homelab -C 'my lab' rehearse --seed 0 --fault vip-taken`\n";
    assert!(run.stderr.ends_with(again), "{}", run.stderr);
}

fn a_spec_that_can_be_planned_for_shows_the_plan() {
    let env = TestEnv::new();
    let preset = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/one-node/homelab.yaml"
    );
    env.write("homelab.yaml", std::fs::read(preset).unwrap());
    let run = rehearse(&env, "--spec-only");
    insta::with_settings!({filters => vec![
        (r"certificate \S{43}=", "certificate [CERTIFICATE]"),
        (r"commit [0-9a-f]{12}\b", "commit [COMMIT]"),
    ]}, {
        insta::assert_snapshot!(run.transcript(), @"
        exit: 0
        --- stdout
        bootstrap of `demo`

        4. configure the machines
          install Talos on `/dev/nvme0n1` (536 GB, Simulated SSD 500GB, serial CHANGE-ME-1) of `talos-1`
              why: `talos-1` waits for its configuration
           before: `talos-1` waits for a configuration (certificate [CERTIFICATE])
            after: `talos-1` has left maintenance mode
           effect: wipes `/dev/nvme0n1` (536 GB, Simulated SSD 500GB, serial CHANGE-ME-1) of `talos-1`
           effect: `talos-1` restarts

        5. machines answer with their new identity
          wait until `talos-1` answers with this cluster's identity
              why: etcd is only bootstrapped when every control plane can be asked

        6. bootstrap etcd once
          bootstrap etcd on `talos-1`
              why: no control plane shows a sign of etcd; `talos-1` is the first by name
           before: `talos-1` answers and shows no sign of etcd
            after: etcd is healthy on `talos-1`
           effect: makes the cluster's only etcd

        7. Kubernetes API and kubeconfig
          fetch the kubeconfig from `talos-1`
              why: it points at a node until the cluster's endpoint answers
           before: `talos-1` answers with this cluster's identity
            after: the kubeconfig is stored
           effect: writes `.homelab/state/kubeconfig`
          wait until the Kubernetes API of `talos-1` is ready
              why: everything that follows is asked of the Kubernetes API
          take the operator's lease
              why: one operator at a time, from any computer
            after: this run holds the operator's lease
           effect: applies objects to Kubernetes

        8. what must be there before Git
          apply the namespaces
              why: objects need a home before they come
           before: this run holds the operator's lease
            after: the namespaces are there
           effect: applies objects to Kubernetes
          apply the age key and the Git credentials
              why: the GitOps engine reads the repository and opens its encrypted files with them
           before: this run holds the operator's lease
            after: the age key and the Git credentials are there
           effect: applies objects to Kubernetes
          wait until `talos-1` is registered
              why: the chart runner needs a node to run on
          apply the charts that come before Git
              why: no pod has a network before the CNI is there, and the GitOps engine is pods
           before: this run holds the operator's lease
            after: the charts that come before Git are installed
           effect: applies objects to Kubernetes

        9. virtual IP and nodes
          wait until `talos-1` is a full member of etcd
              why: control planes join as learners, one at a time
          point the kubeconfig at the cluster's endpoint
              why: the cluster's endpoint serves the API now
           before: the kubeconfig is stored
            after: the kubeconfig points at the cluster's endpoint
           effect: writes `.homelab/state/kubeconfig`
          wait until `talos-1` is ready
              why: the pod network is up on all of them

        10. GitOps engine
          apply the GitOps operator
              why: it installs and upgrades the GitOps engine
           before: this run holds the operator's lease
            after: the GitOps operator is ready
           effect: applies objects to Kubernetes
          apply the GitOps instance
              why: from here on ssh://git@github.com/me/homelab.git is the source of truth
           before: this run holds the operator's lease
            after: the GitOps instance is ready
           effect: applies objects to Kubernetes

        11. everything in Git is reconciled
          wait until every object that Git brings is ready at commit [COMMIT]
              why: Git has taken over when everything in it is there and ready
          remove the chart runner
              why: it has administrator's rights and its work is done: Git owns the charts now
           before: this run holds the operator's lease
            after: nothing is left of the chart runner
           effect: removes objects from Kubernetes

        12. verify
          wait until quorum is full, machines are ready, pods run, and no live Secret holds ciphertext
              why: a last look at the whole
        --- stderr
        ");
    });
}

fn a_plan_is_a_document_for_programs() {
    let env = with("");
    let json = rehearse(&env, "--spec-only --output json").success();
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(plan["operation"], "bootstrap");
    assert_eq!(plan["refusals"], serde_json::json!([]));
    assert_eq!(plan["steps"][0]["id"], "install/talos-1");
}

/// A path is written in lower case.
const NO_IMAGE: &str =
    "  patches:\n    all:\n      - machine: {install: {image: factory.talos.dev/Metal:v1}}\n";

fn a_spec_that_is_refused_says_so_once() {
    let env = with(NO_IMAGE);
    let run = rehearse(&env, "--spec-only --check");
    insta::assert_snapshot!(run.transcript(), @"
    exit: 6
    --- stdout
    --- stderr
    error: the installer image of `talos-1` is not an image reference: `factory.talos.dev/Metal:v1`; the installer image of `talos-2` is not an image reference: `factory.talos.dev/Metal:v1`; the installer image of `talos-3` is not an image reference: `factory.talos.dev/Metal:v1`
    hint: correct `machine.install.image` in the patches of homelab.yaml: `HOST/PATH:TAG`
    ");
    let run = rehearse(&env, "--check");
    insta::assert_snapshot!(run.transcript(), @"
    exit: 6
    --- stdout
    --- stderr
    error: the installer image of `talos-1` is not an image reference: `factory.talos.dev/Metal:v1`; the installer image of `talos-2` is not an image reference: `factory.talos.dev/Metal:v1`; the installer image of `talos-3` is not an image reference: `factory.talos.dev/Metal:v1`
    hint: correct `machine.install.image` in the patches of homelab.yaml: `HOST/PATH:TAG`
    hint: see it again with `homelab rehearse --seed 0`
    ");
    let run = rehearse(&env, "--spec-only").expect_code(6);
    assert!(
        run.stdout.contains("nothing will be done:\n"),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

/// Tests of the engine name such commands when something fails (`src/rehearse/tests/kills.rs`).
fn the_command_that_is_printed_plays_the_committed_clusters() {
    for (folder, nodes) in [
        (".", 3),
        ("tests/fixtures/clusters/with-workers", 5),
        ("tests/fixtures/clusters/one-machine", 1),
    ] {
        let told = ["-C", folder, "rehearse", "--seed", "3", "--kill-at", "40"];
        let env = TestEnv::new();
        let run = env
            .homelab(told.iter().chain(&["--output", "json"]))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .run()
            .success();
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let machines = document["world"]["nodes"].as_array().unwrap();
        assert_eq!(machines.len(), nodes, "{folder}");
        assert!(document["killed"].is_string(), "{folder}");
    }
}
