//! Small trees and what they build to.

use super::*;
use crate::model::FileTree;

fn tree(files: &[(&str, &str)]) -> FileTree {
    let mut tree = FileTree::default();
    for (path, text) in files {
        tree.add(*path, *text);
    }
    tree
}

fn build(files: &[(&str, &str)], path: &str) -> Result<Vec<Value>, BuildError> {
    let remote = Remote {
        tree: tree(files),
        ..Remote::default()
    };
    let builder = Builder {
        remote: &remote,
        is_namespaced: &|object| object["kind"] != "Namespace",
    };
    builder.build(path.into())
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn resources_components_and_namespace_come_together() {
    let built = build(
        &[
            (
                "app/kustomization.yaml",
                "resources: [ns.yaml, ../base]\nnamespace: x\ncomponents: [../extra]\n",
            ),
            (
                "app/ns.yaml",
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n",
            ),
            ("base/kustomization.yaml", "resources: [./a.yaml]\n"),
            ("base/a.yaml", MAP),
            (
                "extra/kustomization.yaml",
                "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nconfigMapGenerator: [{name: g, literals: [k=v], options: {disableNameSuffixHash: true}}]\n",
            ),
        ],
        "./app",
    );
    let expected = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "g", "namespace": "x"}, "data": {"k": "v"}}),
    ];
    assert_eq!(built, Ok(expected));
}

#[test]
fn a_directory_without_a_kustomization_is_scanned() {
    let files = [
        ("all/x/a.yaml", MAP),
        ("all/y/kustomization.yaml", "resources: [b.yaml]\n"),
        (
            "all/y/b.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n",
        ),
        ("all/y/ignored.yaml", MAP),
    ];
    let kinds: Vec<_> = build(&files, "all").unwrap().iter().map(id).collect();
    assert_eq!(kinds, ["/ConfigMap//a", "/Secret//b"]);
}

#[test]
fn what_is_wrong_is_said() {
    let missing = [("a/kustomization.yaml", "resources: [gone.yaml]\n")];
    assert_eq!(
        build(&missing, "a"),
        Err(BuildError::NoSuchResource("a/gone.yaml".into()))
    );
    assert_eq!(
        build(&missing, "b"),
        Err(BuildError::NoSuchPath("b".into()))
    );
    let twice = [("a/x.yaml", MAP), ("a/y.yaml", MAP)];
    assert_eq!(
        build(&twice, "a"),
        Err(BuildError::Duplicate("/ConfigMap//a".to_owned()))
    );
    let odd = [("a/kustomization.yaml", "vars: []\n")];
    assert!(matches!(
        build(&odd, "a"),
        Err(BuildError::UnknownField { .. })
    ));
    let cycle = [
        ("a/kustomization.yaml", "resources: [../b]\n"),
        ("b/kustomization.yaml", "resources: [../a]\n"),
    ];
    assert_eq!(build(&cycle, "a"), Err(BuildError::Cycle("a".into())));
}
