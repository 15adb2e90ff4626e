//! `homelab render`: whole trees as golden files, read by a second parser and checked by tools.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use homelab::catalog::Catalog;
use homelab::model::FileTree;
use homelab::{render, spec, yaml};
use serde_json::Value;

use crate::support::{Case, Need, TestEnv, cases, generated, walk};

const FIXTURES: &str = "tests/fixtures/render";

pub fn tests() -> Vec<Case> {
    let mut tests = cases![
        the_repository_itself_is_current,
        rendering_needs_no_key_and_is_done_once,
        a_change_made_by_hand_is_kept,
        a_stale_tree_is_told_and_shown,
        every_file_reads_the_same_with_another_parser,
        the_order_of_components_changes_nothing,
        renovate_finds_every_pinned_version,
        the_chart_runner_frees_a_release_that_a_kill_left_pending,
    ];
    for case in fixtures() {
        let name = case.file_name().expect("a folder").to_owned();
        tests.push(Case::new(format!("golden_{name}"), move || golden(&case)));
    }
    let scripts = Case::new("scripts_pass_shellcheck", scripts_pass_shellcheck);
    tests.push(scripts.needs(Need::Program("shellcheck")));
    tests
}

fn repository() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of all fixtures, relative to the repository.
fn fixtures() -> Vec<Utf8PathBuf> {
    let entries = repository()
        .join(FIXTURES)
        .read_dir_utf8()
        .expect("there are fixtures");
    let mut folders: Vec<_> = entries
        .map(|entry| Utf8Path::new(FIXTURES).join(entry.expect("readable").file_name()))
        .collect();
    folders.sort();
    folders
}

fn rendered(file: &Utf8Path) -> FileTree {
    let text = std::fs::read_to_string(repository().join(file)).expect("a spec");
    let catalog = Catalog::embedded().expect("the catalogue loads");
    let checked = spec::load(file.as_str(), &text, &catalog);
    let cluster = checked
        .cluster
        .unwrap_or_else(|| panic!("{file}: {:?}", checked.diagnostics));
    render::render(&cluster, &catalog).expect("renders")
}

/// Every tree that the tests know, the repository's own among them.
pub(crate) fn trees() -> Vec<(Utf8PathBuf, FileTree)> {
    let mut files: Vec<_> = fixtures()
        .iter()
        .map(|it| it.join("homelab.yaml"))
        .collect();
    files.push("homelab.yaml".into());
    files
        .into_iter()
        .map(|file| (file.clone(), rendered(&file)))
        .collect()
}

fn golden(folder: &Utf8Path) {
    let tree = rendered(&folder.join("homelab.yaml"));
    let expected = folder.join("expected");
    for (path, file) in tree.iter() {
        let text = std::str::from_utf8(&file.bytes).expect("every file is text");
        generated::is_current(expected.join(path).as_str(), text);
    }
    let root = repository().join(&expected);
    let mut committed = Vec::new();
    walk(&root, &mut |file| committed.push(file));
    for file in committed {
        let path = file.strip_prefix(&root).expect("below it");
        assert!(
            tree.get(path).is_some(),
            "{folder} no longer renders {path}: delete it"
        );
    }
}

/// The patterns of renovate.json5, tried on the spec as Renovate tries them.
fn renovate_finds_every_pinned_version() {
    let tree = rendered(Utf8Path::new("homelab.yaml"));
    let file = &tree
        .get(Utf8Path::new("renovate.json5"))
        .expect("made")
        .bytes;
    let (_, json) = std::str::from_utf8(file).unwrap().split_once('\n').unwrap();
    let configuration: Value = serde_json::from_str(json).unwrap();
    let spec = std::fs::read_to_string(repository().join("homelab.yaml")).unwrap();
    let managers = configuration["customManagers"].as_array().unwrap();
    let found = managers.iter().map(|manager| {
        let pattern = regex::Regex::new(manager["matchStrings"][0].as_str().unwrap()).unwrap();
        let versions: Vec<_> = pattern
            .captures_iter(&spec)
            .map(|captures| captures["currentValue"].to_owned())
            .collect();
        format!(
            "{} {}",
            manager["depNameTemplate"].as_str().unwrap(),
            versions.join(", ")
        )
    });
    insta::assert_snapshot!(found.collect::<Vec<_>>().join("\n"), @r"
    kubernetes/kubernetes v1.36.4
    siderolabs/talos v1.13.9
    quay.io/jetstack/charts/cert-manager v1.21.1
    quay.io/cilium/charts/cilium 1.20.1
    ghcr.io/controlplaneio-fluxcd/charts/flux-operator 0.58.1
    kube-vip 0.9.9
    docker.io/nginxinc/nginx-unprivileged 1.29.5
    ");
}

fn the_repository_itself_is_current() {
    let environment = TestEnv::new();
    let run = environment
        .homelab(["-C", repository().as_str(), "render", "--check"])
        .run();
    assert_eq!(
        run.code,
        Some(0),
        "run `homelab render`:\n{}{}",
        run.stdout,
        run.stderr
    );
}

fn reference() -> TestEnv {
    let environment = TestEnv::new();
    let spec = std::fs::read(repository().join("homelab.yaml")).expect("our own spec");
    environment.write("homelab.yaml", spec);
    environment
}

fn rendering_needs_no_key_and_is_done_once() {
    let environment = reference();
    let first = environment.homelab(["render"]).run();
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first
            .stdout
            .contains("created cluster/flux/kustomization.yaml\n")
    );
    let second = environment.homelab(["render", "--output", "json"]).run();
    let report: Value = serde_json::from_str(&second.stdout).expect("JSON");
    assert_eq!(report["changes"], Value::Array(Vec::new()));
    assert_eq!(report["written"], true);
    let files = environment.files().len();
    assert_eq!(
        report["files"],
        files - 2,
        "all but the spec and the manifest"
    );
}

fn a_change_made_by_hand_is_kept() {
    let environment = reference();
    let file = "cluster/core/cilium/ks.yaml";
    environment.homelab(["render"]).run();
    let mine = environment.read(file) + "# mine\n";
    environment.write(file, &mine);
    let refused = environment.homelab(["render"]).run();
    assert_eq!(refused.code, Some(6));
    insta::assert_snapshot!(refused.stderr, @r##"
    error: a file that would be overwritten was changed by hand: `cluster/core/cilium/ks.yaml`
    hint: move the change into homelab.yaml: `homelab render --diff` shows it
    hint: or give it up: `homelab render --overwrite cluster/core/cilium/ks.yaml`
    "##);
    assert_eq!(environment.read(file), mine);
    let checked = environment.homelab(["render", "--check"]).run();
    assert_eq!(checked.code, Some(4));
    assert!(
        checked.stderr.ends_with(
            "hint: `cluster/core/cilium/ks.yaml` was changed by hand: move the change into homelab.yaml, \
             or give it up with `homelab render --overwrite cluster/core/cilium/ks.yaml`\n"
        ),
        "{}",
        checked.stderr
    );
    let strange = environment.homelab(["render", "--overwrite", "nope"]).run();
    assert_eq!(
        (strange.code, strange.stderr.as_str()),
        (
            Some(2),
            "error: `nope` is not a file that homelab.yaml renders\n"
        )
    );
    let agreed = environment.homelab(["render", "--overwrite", file]).run();
    assert_eq!(
        (agreed.code, agreed.stdout.as_str()),
        (Some(0), "updated cluster/core/cilium/ks.yaml\n")
    );
    assert!(!environment.read(file).contains("# mine"));
}

fn a_stale_tree_is_told_and_shown() {
    let environment = reference();
    environment.homelab(["render"]).run();
    let spec = environment.read("homelab.yaml").replace("1.20.1", "1.20.3");
    environment.write("homelab.yaml", spec);
    let check = environment.homelab(["render", "--check"]).run();
    assert_eq!(check.code, Some(4));
    let tag = "-    tag: \"1.20.1\"\n+    tag: \"1.20.3\"\n";
    assert!(check.stdout.contains(tag), "{}", check.stdout);
    let diff = environment.homelab(["render", "--diff"]).run();
    assert_eq!((diff.code, &diff.stdout), (Some(0), &check.stdout));
    environment.homelab(["render"]).run();
    assert_eq!(
        environment.homelab(["render", "--check"]).run().code,
        Some(0)
    );
}

fn every_file_reads_the_same_with_another_parser() {
    use serde::Deserialize as _;

    let mut files = 0;
    for (spec, tree) in trees() {
        for (path, file) in tree
            .iter()
            .filter(|(path, _)| path.extension() == Some("yaml"))
        {
            let text = std::str::from_utf8(&file.bytes).expect("text");
            let ours = yaml::parse_documents(text).expect("our own parser reads it");
            let theirs: Vec<Value> = serde_yaml::Deserializer::from_str(text)
                .map(|document| Value::deserialize(document).expect("the other parser reads it"))
                .collect();
            assert_eq!(ours, theirs, "{spec}: {path}");
            files += 1;
        }
    }
    assert!(files > 100, "only {files} files were compared");
}

fn the_order_of_components_changes_nothing() {
    let folder = Utf8Path::new(FIXTURES).join("workers");
    let written = rendered(&folder.join("homelab.yaml"));
    assert_eq!(rendered(&folder.join("shuffled.yaml")), written);
    assert_eq!(rendered(&folder.join("homelab.yaml")), written);
}

/// A stand-in for Helm: it writes down what it is asked, says that cilium is pending, and has
/// nothing to roll back to.
const HELM: &str = r#"#!/bin/sh
echo "$*" >> "$LOG"
case "$1 $*" in
  list*cilium*) echo cilium ;;
  rollback*) exit 1 ;;
esac
"#;

fn the_chart_runner_frees_a_release_that_a_kill_left_pending() {
    let environment = reference();
    environment.homelab(["render"]).run();
    let objects = yaml::parse_documents(&environment.read("bootstrap/manifests/2-network.yaml"));
    let objects = objects.expect("YAML");
    let files = objects
        .iter()
        .find(|it| it["kind"] == "ConfigMap")
        .expect("the script");
    environment.write(
        "install.sh",
        files["data"]["install.sh"].as_str().expect("text"),
    );
    environment.write("bin/helm", HELM);
    environment.program("chmod", ["+x", "bin/helm"]).run();
    let run = environment
        .program("sh", ["install.sh"])
        .env("PATH", format!("{}/bin:/usr/bin:/bin", environment.root()))
        .env("LOG", environment.root().join("log"))
        .run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    insta::assert_snapshot!(environment.read("log"), @r##"
    list --pending --short --namespace kube-system --filter ^cilium$
    rollback cilium --namespace kube-system --no-hooks
    uninstall cilium --namespace kube-system --no-hooks
    upgrade --install cilium oci://quay.io/cilium/charts/cilium --version 1.20.1 --namespace kube-system --values /charts/cilium.yaml --server-side=false --no-hooks
    list --pending --short --namespace kube-system --filter ^kube-vip$
    upgrade --install kube-vip kube-vip --repo https://kube-vip.github.io/helm-charts --version 0.9.9 --namespace kube-system --values /charts/kube-vip.yaml --server-side=false --no-hooks
    "##);
}

fn scripts_pass_shellcheck() {
    let environment = reference();
    environment.homelab(["render"]).run();
    let scripts: BTreeSet<_> = environment
        .files()
        .into_iter()
        .filter(|file| file.extension() == Some("sh"))
        .collect();
    assert_eq!(scripts.len(), 4, "{scripts:?}");
    let run = environment.program("shellcheck", scripts).run();
    assert_eq!(run.code, Some(0), "{}", run.stdout);
}
