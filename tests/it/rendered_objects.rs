//! Every rendered object that a real Kubernetes API knows is accepted by it, field by field.

use homelab::yaml;
use serde_json::Value;

use super::render::trees;
use crate::support::control_plane::ControlPlane;
use crate::support::{Case, Need, realparts};

/// API groups that Kubernetes itself serves; the core group has no name.
const BUILT_IN: [&str; 4] = ["", "apps", "batch", "rbac.authorization.k8s.io"];
/// API groups that Flux and its operator bring.
const FLUX: [&str; 4] = [
    "fluxcd.controlplane.io",
    "helm.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "source.toolkit.fluxcd.io",
];

pub fn tests() -> Vec<Case> {
    let built_in = Case::new("kubernetes_accepts_its_own_kinds", || {
        accepts(&BUILT_IN, &[]);
    });
    let flux = Case::new("flux_accepts_its_kinds", || {
        accepts(&FLUX, &["flux", "flux-operator"]);
    });
    let needs = |case: Case| {
        case.needs(Need::Program("python3"))
            .needs(Need::Program("openssl"))
    };
    vec![
        needs(built_in.parts(&["kubernetes"])),
        needs(flux.parts(&["kubernetes", "flux", "flux-operator"])),
    ]
}

fn accepts(groups: &[&str], definitions: &[&str]) {
    let real = ControlPlane::up();
    for part in definitions {
        let folder = realparts::part(part).join("crds");
        real.kubectl(&["apply", "--server-side", "--filename", folder.as_str()]);
        let every = ["--for=condition=Established", "--all", "--timeout=60s"];
        real.kubectl(&[&["wait", "crd"][..], &every].concat());
    }
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("objects.yaml");
    let file = file.to_str().expect("temporary paths are UTF-8");
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
        "--filename",
        file,
    ];
    for (spec, tree) in trees() {
        let objects: Vec<_> = tree
            .iter()
            .filter(|(path, _)| path.starts_with("cluster") || path.starts_with("bootstrap"))
            .filter(|(path, _)| path.extension() == Some("yaml"))
            .flat_map(|(_, file)| {
                let text = std::str::from_utf8(&file.bytes).expect("text");
                yaml::parse_documents(text).expect("YAML")
            })
            .collect();
        let write = |objects: &[&Value]| {
            let text = yaml::emit_documents(objects.iter().copied());
            std::fs::write(file, text).expect("writable");
        };
        // A dry run makes nothing, and so no namespace for what follows.
        write(
            &objects
                .iter()
                .filter(|it| it["kind"] == "Namespace")
                .collect::<Vec<_>>(),
        );
        real.kubectl(&apply);
        let wanted: Vec<_> = objects
            .iter()
            .filter(|it| groups.contains(&group(it)))
            .collect();
        write(&wanted);
        let answer = real.kubectl(&[&apply[..], &["--dry-run=server"]].concat());
        assert_eq!(answer.lines().count(), wanted.len(), "{spec}: {answer}");
        assert!(wanted.len() > 5, "{spec}: only {} objects", wanted.len());
    }
}

fn group(object: &Value) -> &str {
    let version = object["apiVersion"].as_str().expect("a version");
    version.split_once('/').map_or("", |(group, _)| group)
}
