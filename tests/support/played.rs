//! What a real cluster needs beyond its machines before Git can take over, played or served beside it
//! (`tests/realparts/kube/play`): a Git server, a registry with charts that stand in for the real ones,
//! a node for pods without images, the pods of chart runners, and Flux' programs.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use homelab::pki::SecretsBundle;

use super::operator::{Operator, until};
use super::{realparts, vault};

/// Charts that stand in for the real ones, with the versions of the lab's cluster.
const STAND_INS: [(&str, &str); 2] = [("flux-operator", "0.58.1"), ("cert-manager", "v1.21.1")];

/// Played and served in the lab's network; it ends with the value.
pub struct Played {
    process: Child,
    facts: BTreeMap<String, String>,
}

impl Played {
    /// Starts it; the cluster itself comes later.
    pub fn start(operator: &Operator<'_>) -> anyhow::Result<Self> {
        let lab = operator.lab();
        let pki = authority(operator)?;
        let set = lab.path().join("set");
        let api = format!("https://{}:6443", lab.address("n1"));
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/realparts/kube/play");
        let log = std::fs::File::create(lab.path().join("log/play.log"))?;
        let process = Command::new("ip")
            .args(lab.inside(program, &[set.as_str(), &api, pki.as_str()]))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut new = Self {
            process,
            facts: BTreeMap::new(),
        };
        let shown = until("everything beside the cluster is up", 120, || {
            Ok(std::fs::read_to_string(set.join("env"))?)
        })?;
        new.facts = shown
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        Ok(new)
    }

    /// Publishes the charts and the operator's repository, which then names both.
    pub fn publish(&self, operator: &Operator<'_>) -> anyhow::Result<()> {
        let (lab, env) = (operator.lab(), operator.env());
        let charts = env.base().join("charts");
        copy(&source("tests/charts"), &charts)?;
        // The definitions of the operator's kinds are upstream's.
        let definitions = realparts::part("flux-operator").join("crds");
        copy(&definitions, &charts.join("flux-operator/crds"))?;
        let helm = realparts::program("helm", "helm");
        let run = |arguments: &[&str]| lab.run(&helm, arguments).map_err(anyhow::Error::msg);
        let mut spec = env.read("homelab.yaml");
        for (name, version) in STAND_INS {
            let chart = charts.join(name);
            let into = charts.as_str();
            run(&[
                "package",
                chart.as_str(),
                "--version",
                version,
                "--destination",
                into,
            ])?;
            let archive = charts.join(format!("{name}-{version}.tgz"));
            let registry = format!("oci://{}/charts", self.facts["REGISTRY"]);
            run(&["push", archive.as_str(), &registry, "--plain-http"])?;
            let listed = format!("{name}: {{version: {version}");
            ensure!(spec.contains(&listed), "the spec has no {listed}");
            let url = format!("oci://{}/charts/{name}", self.facts["REGISTRY_TLS"]);
            spec = spec.replace(&listed, &format!("{listed}, chart: {{url: \"{url}\"}}"));
        }
        let git = &self.facts["GIT_URL"];
        env.write(
            "homelab.yaml",
            spec.replace("https://git.lab.test/full.git", git),
        );
        env.homelab(["render"]).run().success();
        vault::git(env, ["add", "-A"]).success();
        vault::git(env, ["commit", "-q", "-m", "a cluster"]).success();
        let root = env.root();
        let push = ["-C", root.as_str(), "push", "-q", git, "HEAD:main"];
        lab.run(Utf8Path::new("git"), &push)
            .map_err(anyhow::Error::msg)?;
        Ok(())
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // What does not end by itself ends with the lab.
        let _ = self.process.wait();
    }
}

/// The authority of the cluster that is to come.
fn authority(operator: &Operator<'_>) -> anyhow::Result<Utf8PathBuf> {
    let bundle = "infrastructure/talos/secrets.sops.yaml";
    let opened = operator.env().homelab(["secrets", "decrypt", bundle]);
    let bundle = SecretsBundle::parse(&opened.run().success().stdout)?;
    let folder = operator.lab().path().join("pki");
    std::fs::create_dir(&folder)?;
    for (file, part) in [("ca.crt", "certs.k8s.crt"), ("ca.key", "certs.k8s.key")] {
        let encoded = bundle.lookup(part).context(part)?;
        std::fs::write(folder.join(file), BASE64_STANDARD.decode(encoded)?)?;
    }
    Ok(folder)
}

fn source(path: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn copy(from: &Utf8Path, to: &Utf8Path) -> anyhow::Result<()> {
    let copied = Command::new("cp")
        .args(["-r", from.as_str(), to.as_str()])
        .status()?;
    ensure!(copied.success(), "{from} cannot be copied");
    Ok(())
}
