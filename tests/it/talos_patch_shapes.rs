//! Patches in `homelab.yaml` in every shape, as the built program reads them: what they come to, in which
//! order, and where a finding about one points.

use serde_json::{Value, json};

use crate::support::{Case, Run, TestEnv, cases, oracle, vault};

pub fn tests() -> Vec<Case> {
    cases![
        every_shape_says_the_same,
        the_narrower_scope_comes_later,
        files_of_several_documents_and_of_json,
        files_that_cannot_be_read_are_named_with_their_place,
        findings_in_a_file_show_its_line,
        what_is_no_patch_is_refused,
        a_mapping_of_secrets_is_told_with_its_line,
    ]
}

/// A cluster of one node of this release, with these lines under `spec`.
fn env(version: &str, lines: &str) -> TestEnv {
    let kubernetes = if version == "v1.11.6" {
        "v1.34.1"
    } else {
        "v1.36.4"
    };
    let text = format!(
        r#"apiVersion: homelab/v1alpha1
kind: Cluster
metadata: {{name: lab}}
spec:
  kubernetes: {{version: {kubernetes}}}
  distribution: {{talos: {{version: {version}}}}}
  network: {{nodes: 192.168.1.0/24, gateway: 192.168.1.1, pods: 10.42.0.0/16, services: 10.43.0.0/16}}
  secrets: {{sops: {{recipients: [age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt]}}}}
  gitops: {{flux: {{url: "ssh://git@github.com/me/lab.git"}}}}
  components: {{cilium: {{version: 1.20.1}}, flux-operator: {{version: 0.58.1}}}}
{lines}"#
    );
    let env = TestEnv::new();
    env.write("homelab.yaml", text);
    env
}

const NODE: &str = "name: node-1, role: control-plane, address: 192.168.1.11, disk: {serial: S4EVNX0R1}, \
                    nic: {mac: \"52:54:00:00:00:01\"}";

/// The documents of the node, secrets hidden.
fn documents(env: &TestEnv) -> Vec<Value> {
    let run = env
        .homelab(["nodes", "config", "node-1", "--redact"])
        .run()
        .success();
    oracle::documents(&run.stdout)
}

fn refused(env: &TestEnv) -> Run {
    env.homelab(["validate"]).run().expect_code(3)
}

fn every_shape_says_the_same() {
    let operations = r#"[{op: add, path: /machine/sysctls, value: {vm.nr_hugepages: "1024"}}]"#;
    let part = r#"{machine: {sysctls: {vm.nr_hugepages: "1024"}}}"#;
    for patches in [
        part.to_owned(),
        format!("[{part}]"),
        operations.to_owned(),
        format!("[{operations}]"),
        "\"@patches/a.yaml\"".to_owned(),
        "[\"@./patches/a.yaml\"]".to_owned(),
        "\"@patches/operations.yaml\"".to_owned(),
        "\"@patches/operations.json\"".to_owned(),
    ] {
        let lines = format!("  nodes: [{{{NODE}}}]\n  patches: {{all: {patches}}}\n");
        // Operations need a configuration of one document, which 1.11 still has.
        let env = env("v1.11.6", &lines);
        env.write(
            "patches/a.yaml",
            "machine:\n  sysctls:\n    vm.nr_hugepages: \"1024\"\n",
        );
        env.write(
            "patches/operations.yaml",
            "- op: add\n  path: /machine/sysctls\n  value:\n    vm.nr_hugepages: \"1024\"\n",
        );
        env.write(
            "patches/operations.json",
            "[\n\t{\"op\": \"add\", \"path\": \"/machine/sysctls\", \"value\": {\"vm.nr_hugepages\": \"1024\"}}\n]\n",
        );
        let documents = documents(&env);
        assert_eq!(
            documents[0]["machine"]["sysctls"],
            json!({"vm.nr_hugepages": "1024"}),
            "{patches}"
        );
    }
}

fn the_narrower_scope_comes_later() {
    let patch = |scope: &str| {
        format!("{{machine: {{sysctls: {{kernel.panic: {scope}, from.{scope}: \"1\"}}}}}}")
    };
    let lines = format!(
        "  patches:\n    worker: {worker}\n    controlPlane: [{role}]\n    all: {all}\n  \
         classes: {{nuc: {{patches: {class}}}}}\n  nodes: [{{{NODE}, class: nuc, patches: [{node}]}}]\n",
        worker = patch("worker"),
        role = patch("role"),
        all = patch("all"),
        class = patch("class"),
        node = patch("node"),
    );
    let documents = documents(&env("v1.13.9", &lines));
    assert_eq!(
        documents[0]["machine"]["sysctls"],
        json!({"kernel.panic": "node", "from.all": "1", "from.role": "1", "from.class": "1", "from.node": "1"})
    );
}

fn files_of_several_documents_and_of_json() {
    let lines = format!(
        "  nodes: [{{{NODE}}}]\n  patches: {{all: [\"@patches/several.yaml\", \"@patches/one.json\"]}}\n"
    );
    // What this build does not know passes for releases that it does not know.
    let env = env("v1.15.0", &lines);
    env.write(
        "patches/several.yaml",
        "# for all\nmachine:\n  sysctls: {a.b: \"1\"}\n---\n---\napiVersion: v1alpha1\nkind: KmsgLogConfig\nname: nas\n\
         url: udp://192.168.1.20:6050/\n---\napiVersion: v1beta9\nkind: FromTheFuture\nanything: {at: [all]}\n",
    );
    env.write(
        "patches/one.json",
        "{\"machine\": {\"sysctls\": {\"a.b\": \"2\"}, \"future\": {\"field\": 1}}}",
    );
    let documents = documents(&env);
    assert_eq!(documents[0]["machine"]["sysctls"], json!({"a.b": "2"}));
    let of_kind = |kind: &str| {
        let found = documents.iter().find(|document| document["kind"] == kind);
        found.cloned().unwrap_or_default()
    };
    assert_eq!(of_kind("KmsgLogConfig")["url"], "udp://192.168.1.20:6050/");
    assert_eq!(
        of_kind("FromTheFuture"),
        json!({"apiVersion": "v1beta9", "kind": "FromTheFuture", "anything": {"at": ["all"]}})
    );
}

fn files_that_cannot_be_read_are_named_with_their_place() {
    for (name, message) in [
        ("missing.yaml", "there is no `missing.yaml`"),
        (
            "../out.yaml",
            "`../out.yaml` does not lie in the folder of the spec",
        ),
        (
            "/etc/hostname",
            "`/etc/hostname` does not lie in the folder of the spec",
        ),
        ("empty.yaml", "`empty.yaml` holds no patch"),
        ("folder", "cannot read `folder`: "),
        ("latin.yaml", "`latin.yaml` is not UTF-8"),
        (
            "link.yaml",
            "cannot read `link.yaml`: a link leads out of the repository",
        ),
    ] {
        let lines = format!("  nodes: [{{{NODE}}}]\n  patches:\n    all:\n      - \"@{name}\"\n");
        let env = env("v1.13.9", &lines);
        env.write("empty.yaml", "# nothing yet\n");
        env.write("folder/inner", "");
        env.write("latin.yaml", b"machine: {env: {name: Z\xfcrich}}\n");
        let outside = TestEnv::new();
        outside.write("secret", "machine: {}\n");
        std::os::unix::fs::symlink(outside.root().join("secret"), env.root().join("link.yaml"))
            .unwrap();
        let run = refused(&env);
        let wanted = format!("error[HL0610]: {message}");
        assert!(run.stderr.contains(&wanted), "{name}: {}", run.stderr);
        assert!(run.stderr.contains("homelab.yaml:14:9"), "{}", run.stderr);
    }
}

fn findings_in_a_file_show_its_line() {
    let lines = format!("  nodes: [{{{NODE}}}]\n  patches: {{all: \"@patches/all.yaml\"}}\n");
    let env = env("v1.13.9", &lines);
    env.write(
        "patches/all.yaml",
        "machine:\n  sysctls: {a.b: \"1\"}\n---\nmachine: {env: *nothing}\n",
    );
    let run = refused(&env);
    assert!(run.stderr.contains("error[HL0003]"), "{}", run.stderr);
    assert!(
        run.stderr.contains("patches/all.yaml:4:16"),
        "{}",
        run.stderr
    );
    let run = env
        .homelab(["validate", "--output", "json"])
        .run()
        .expect_code(3);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["findings"][0]["file"], "patches/all.yaml");
    assert_eq!(value["findings"][0]["labels"][0]["line"], 4);
}

fn what_is_no_patch_is_refused() {
    for (patches, place) in [
        ("[[{machine: {}}]]", "homelab.yaml:12:20"),
        (
            "[{machine: {}}, {op: add, path: /x, value: 1}]",
            "homelab.yaml:12:34",
        ),
        ("\"@text.yaml\"", "text.yaml:1:1"),
        ("\"@list.yaml\"", "list.yaml:1:3"),
        ("\"@mixed.yaml\"", "mixed.yaml:3:1"),
    ] {
        let lines = format!("  nodes: [{{{NODE}}}]\n  patches: {{all: {patches}}}\n");
        let env = env("v1.13.9", &lines);
        env.write("text.yaml", "just words\n");
        env.write("list.yaml", "- machine: {}\n");
        env.write(
            "mixed.yaml",
            "machine: {}\n---\n- {op: add, path: /debug, value: true}\n",
        );
        let run = refused(&env);
        assert!(
            run.stderr.contains("error[HL0611]"),
            "{patches}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(place), "{patches}: {}", run.stderr);
    }
    let lines = format!("  nodes: [{{{NODE}}}]\n  patches: {{all: patches/all.yaml}}\n");
    let run = refused(&env("v1.13.9", &lines));
    assert!(
        run.stderr.contains("such as `@patches/all.yaml`"),
        "{}",
        run.stderr
    );
}

/// A reference stands for one text; the names in an encrypted file tell what else it leads to.
fn a_mapping_of_secrets_is_told_with_its_line() {
    let patch = "{apiVersion: v1alpha1, kind: RegistryAuthConfig, name: ghcr.io, auth: {secretRef: \"own.sops.yaml#ghcr\"}}";
    let env = env(
        "v1.13.9",
        &format!("  nodes:\n    - {{{NODE}}}\n  patches:\n    all:\n      - {patch}\n"),
    );
    env.write(".sops.yaml", vault::rules(vault::RECIPIENT));
    vault::encrypted(
        &env,
        "own.sops.yaml",
        "ghcr:\n  username: ada\n  password: hunter2-hunter2\n",
    );
    let said = refused(&env);
    let both = [said.stdout, said.stderr].concat();
    for part in [
        "error[HL0617]: `ghcr` of `own.sops.yaml` is a mapping or a list, no text",
        "homelab.yaml:15:",
        "{secretRef: own.sops.yaml#ghcr.username}",
    ] {
        assert!(both.contains(part), "{part}: {both}");
    }
}
