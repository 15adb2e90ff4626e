//! Charts that stand in for the real ones (`tests/charts/`): the same names and kinds of objects,
//! and pods that do nothing.

use anyhow::ensure;
use camino::Utf8Path;

use super::super::control_plane::ControlPlane;
use super::super::{TestEnv, realparts};

/// Name, version and whether it lies in the registry; the other kind of repository is a folder.
pub const STAND_INS: &[(&str, &str, bool)] = &[
    ("cilium", "1.20.1", true),
    ("kube-vip", "0.9.9", false),
    ("cert-manager", "v1.21.1", true),
    ("flux-operator", "0.58.1", true),
];

/// The URL that takes the place of the chart's own.
pub fn url(real: &ControlPlane, name: &str, in_registry: bool) -> String {
    if in_registry {
        format!("oci://{}/stand-ins/{name}", real.fact("REGISTRY_TLS"))
    } else {
        real.fact("CHARTS_URL").to_owned()
    }
}

/// Packages the stand-ins and puts them where their URLs say.
pub fn publish(env: &TestEnv, real: &ControlPlane) -> anyhow::Result<()> {
    let helm = |arguments: &[&str]| {
        let run = env.program(realparts::program("helm", "helm"), arguments);
        let run = run.run();
        ensure!(run.code == Some(0), "helm {arguments:?}: {}", run.stderr);
        Ok(())
    };
    let folder = env.base().join("charts");
    let packages = env.base().join("packages");
    copy(
        &Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts"),
        &folder,
    )?;
    // The definitions of the operator's kinds are upstream's.
    let definitions = realparts::part("flux-operator").join("crds");
    copy(&definitions, &folder.join("flux-operator/crds"))?;
    for (name, version, in_registry) in STAND_INS {
        let into = if *in_registry {
            packages.clone()
        } else {
            real.file("charts")
        };
        let chart = folder.join(name);
        let package = ["package", chart.as_str(), "--version", version];
        helm(&[&package[..], &["--destination", into.as_str()]].concat())?;
        if *in_registry {
            let archive = into.join(format!("{name}-{version}.tgz"));
            let registry = format!("oci://{}/stand-ins", real.fact("REGISTRY"));
            helm(&["push", archive.as_str(), &registry, "--plain-http"])?;
        }
    }
    let index = real.file("charts");
    helm(&[
        "repo",
        "index",
        index.as_str(),
        "--url",
        real.fact("CHARTS_URL"),
    ])
}

fn copy(from: &Utf8Path, to: &Utf8Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
