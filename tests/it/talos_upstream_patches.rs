//! Patches against what Talos' own tests of its patcher hold (`config/configpatcher/testdata`), read from the
//! module cache, and against the real `talosctl machineconfig patch`.

use camino::Utf8Path;
use homelab::render::talos::{PatchError, patch_documents};
use serde_json::{Value, json};

use crate::support::clusters::{joined, talos};
use crate::support::{Case, Need, Oracle, TestEnv, host, oracle, realparts};

/// Where the module cache has them.
const FOLDER: &str =
    "github.com/siderolabs/talos/pkg/machinery@v1.13.9/config/configpatcher/testdata";

pub fn tests() -> Vec<Case> {
    vec![
        Case::new(
            "every_case_of_upstream_passes",
            every_case_of_upstream_passes,
        )
        .parts(&["talos-oracle"])
        .needs(Need::Module(FOLDER)),
        Case::new("talosctl_patches_the_same", talosctl_patches_the_same).parts(&["talosctl"]),
    ]
}

/// Folder, configuration, patches in their order, what comes of it.
const CASES: &[(&str, &str, &[&str], &str)] = &[
    (
        "apply",
        "config.yaml",
        &[
            "strategic1.yaml",
            "jsonpatch1.yaml",
            "jsonpatch2.yaml",
            "strategic2.yaml",
            "strategic3.yaml",
        ],
        "expected.yaml",
    ),
    (
        "apply",
        "config.yaml",
        &["strategic4.yaml"],
        "expected_manifests.yaml",
    ),
    (
        "multidoc",
        "config.yaml",
        &["strategic1.yaml", "strategic2.yaml"],
        "expected.yaml",
    ),
    (
        "auditpolicy",
        "config.yaml",
        &["patch1.yaml"],
        "expected.yaml",
    ),
    (
        "patchdelete",
        "config.yaml",
        &["strategic1.yaml"],
        "expected.yaml",
    ),
    (
        "patchdelete",
        "controlplane_orig.yaml",
        &["strategic2.yaml", "strategic3.yaml", "strategic4.yaml"],
        "controlplane_expected.yaml",
    ),
    ("patchlink", "base.yaml", &["patch.yaml"], "expected.yaml"),
];

fn every_case_of_upstream_passes() {
    let root = host::module(FOLDER).expect("it is declared");
    let mut oracle = Oracle::start();
    for (folder, config, patches, expected) in CASES {
        let folder = root.join(folder);
        let ours = patched(&folder, config, patches).expect("it can be applied");
        // Talos leaves out what says nothing when it writes.
        let ours = oracle.recode(&stream(&ours));
        let expected = oracle.recode(&read(&folder, expected));
        assert_eq!(json!(ours), json!(expected), "{folder}: {patches:?}");
    }
    let missing = patched(
        &root.join("patchdeletemissing"),
        "config.yaml",
        &["strategic1.yaml"],
    );
    assert_eq!(
        missing.expect_err("refused").to_string(),
        "nothing to delete at `machine.network.hostname`"
    );
    let several = patched(
        &root.join("multidoc"),
        "config.yaml",
        &["jsonpatch.yaml", "strategic1.yaml"],
    );
    assert!(
        matches!(several, Err(PatchError::Operation(_))),
        "{several:?}"
    );
    let folders = root.read_dir_utf8().expect("it is there");
    let folders = folders.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(folders.count(), 6, "every folder has its case");
}

fn read(folder: &Utf8Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn patched(folder: &Utf8Path, config: &str, patches: &[&str]) -> Result<Vec<Value>, PatchError> {
    let mut documents = oracle::documents(&read(folder, config));
    for patch in patches {
        for patch in oracle::documents(&read(folder, patch)) {
            documents = patch_documents(documents, &patch)?;
        }
    }
    Ok(documents)
}

fn stream(documents: &[Value]) -> String {
    let texts: Vec<_> = documents.iter().map(Value::to_string).collect();
    format!("{}\n", texts.join("\n---\n"))
}

/// A sample of every rule, through the program that people use; the mass of patches goes through its
/// library (`talos_patches`).
fn talosctl_patches_the_same() {
    let env = TestEnv::new();
    let mut cluster = talos();
    for (version, patches) in [
        (
            (1, 13),
            vec![
                json!({"machine": {"certSANs": ["a.example"], "sysctls": {"a.b": "1"}}}),
                json!({"machine": {"kubelet": {"extraArgs": {"v": ["1", "2"]}, "extraConfig": {"maxPods": 200}}}}),
                json!({"cluster": {"network": {"podSubnets": ["10.200.0.0/16"]}}}),
                json!({"cluster": {"apiServer": {"admissionControl": [{"name": "PodSecurity", "$patch": "delete"}]}}}),
                json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig", "$patch": "delete"}),
                json!({"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": "net0", "mtu": 9000}),
                json!({"apiVersion": "v1alpha1", "kind": "KmsgLogConfig", "name": "nas", "url": "udp://10.0.0.1:1/"}),
                json!({"machine": {"sysctls": {"nowhere": {"$patch": "delete"}}}}),
                json!([{"op": "remove", "path": "/machine/token"}]),
            ],
        ),
        (
            (1, 11),
            vec![
                json!([{"op": "add", "path": "/machine/sysctls", "value": {"a.b": "1"}}]),
                json!([{"op": "replace", "path": "/machine/network/interfaces/0/addresses/0", "value": "10.0.0.1/8"}]),
                json!([{"op": "remove", "path": "/machine/nowhere"}]),
                json!([{"op": "test", "path": "/machine/type", "value": "worker"}]),
                json!({"machine": {"network": {"interfaces": [{"interface": "eth1", "dhcp": true}]}}}),
            ],
        ),
    ] {
        cluster.nodes[0].version = homelab::model::Version::new(version.0, version.1, 3);
        let name = cluster.nodes[0].name.clone();
        let catalog = homelab::catalog::Catalog::default();
        let base = homelab::render::talos::documents(&cluster, &catalog, &name).expect("renders");
        let base = oracle::documents(&joined(&base));
        env.write("config.yaml", stream(&base));
        for patch in patches {
            env.write("patch.yaml", serde_yaml::to_string(&patch).expect("YAML"));
            let run = talosctl(
                &env,
                &[
                    "machineconfig",
                    "patch",
                    "config.yaml",
                    "--patch",
                    "@patch.yaml",
                    "-o",
                    "out.yaml",
                ],
            );
            match (patch_documents(base.clone(), &patch), run.code) {
                (Ok(ours), Some(0)) => {
                    let theirs = oracle::documents(&env.read("out.yaml"));
                    env.write("ours.yaml", stream(&ours));
                    let run = talosctl(
                        &env,
                        &[
                            "machineconfig",
                            "patch",
                            "ours.yaml",
                            "--patch",
                            "{\"debug\": false}",
                            "-o",
                            "ours.yaml",
                        ],
                    );
                    assert_eq!(run.code, Some(0), "{patch}: {}", run.stderr);
                    let mut ours = oracle::documents(&env.read("ours.yaml"));
                    if let Some(main) = ours[0].as_object_mut() {
                        main.shift_remove("debug");
                    }
                    assert_eq!(json!(ours), json!(without_debug(theirs)), "{patch}");
                }
                (Err(_), Some(1)) => {}
                (ours, code) => panic!(
                    "{patch}: we say {ours:?}, talosctl {code:?}: {}",
                    run.stderr
                ),
            }
        }
    }
}

fn without_debug(mut documents: Vec<Value>) -> Vec<Value> {
    if let Some(main) = documents[0].as_object_mut() {
        main.shift_remove("debug");
    }
    documents
}

fn talosctl(env: &TestEnv, arguments: &[&str]) -> crate::support::Run {
    env.program(realparts::program("talosctl", "talosctl"), arguments)
        .run()
}
