//! `homelab bootstrap` against a real Talos node that runs Kubernetes: kubelet, API server,
//! controller manager and scheduler of the releases, in namespaces of this machine.
//!
//! The cluster is `tests/realparts/talos-nodes/full.yaml`. Nothing here tells of disks,
//! installation, firmware, a virtual IP, a real pod network or images from the internet: the
//! machine is a container, and images and the network plugin are the lab's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::lab::Lab;
use crate::support::operator::{Operator, until};
use crate::support::{Case, Need, realparts};

const SPEC: &str = "tests/realparts/talos-nodes/full.yaml";
/// Everything that needs no image beyond those of Kubernetes itself.
const AS_FAR: &[&str] = &["--until", "nodes", "--output", "json"];

/// What the console shows when etcd waits to be bootstrapped, when it is, and when the node is ready.
const PREPARED: &str = "service[etcd](Preparing)";
const CALLED: &str = "bootstrap request received";
const READY: &str = "machine is running and ready";

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("a_machine_becomes_a_ready_node", becomes_a_ready_node)
            .needs(Need::Minutes(3))
            .needs(Need::Namespaces)
            .needs(Need::Program("git"))
            .parts(&["talos-node", "talosctl", "kubernetes"]),
    ]
}

fn becomes_a_ready_node() -> anyhow::Result<()> {
    let lab = Lab::full("full");
    let operator = Operator::new(&lab, SPEC);
    let going = operator.bootstraps(AS_FAR);
    let mut shown = BTreeMap::new();
    // A console tells whole seconds; it is read as it is written.
    until("the node is ready", 240, || {
        let console = lab.console("n1");
        for words in [PREPARED, CALLED, READY] {
            if console.contains(words) {
                shown.entry(words).or_insert_with(Timestamp::now);
            }
        }
        ensure!(shown.len() == 3, "{shown:?}: {}", going.said());
        Ok(())
    })?;
    let (code, said) = going.ends()?;
    ensure!(code == Some(0), "{said}");
    let kubectl = |arguments: &[&str]| {
        let kubeconfig = operator.env().root().join(".homelab/state/kubeconfig");
        let way = ["--kubeconfig", kubeconfig.as_str()];
        let program = realparts::program("kubernetes", "kubectl");
        let all: Vec<&str> = way.iter().chain(arguments).copied().collect();
        lab.run(&program, &all).map_err(anyhow::Error::msg)
    };
    let node = kubectl(&["get", "nodes", "--no-headers"])?;
    ensure!(
        node.starts_with("n1 ") && node.contains(" Ready "),
        "{node}"
    );
    ensure!(lab.bootstraps("n1") == 1);

    // What was there before Git is there once, and a second run touches none of it.
    let objects = || {
        let kinds = "namespaces,secrets,configmaps,serviceaccounts,jobs";
        let columns = "custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion";
        kubectl(&["get", kinds, "-A", "-o", columns, "--no-headers"])
    };
    let before = objects()?;
    for name in ["flux-system", "sops-age"] {
        ensure!(before.contains(name), "no `{name}`: {before}");
    }
    let (code, again) = operator.bootstraps(AS_FAR).ends()?;
    ensure!(code == Some(0), "{again}");
    ensure!(objects()? == before, "{before}became {}", objects()?);
    lab.keep("timeline.txt", &timeline(&said, &shown)?);
    Ok(())
}

/// What was done when, by the run's own account, and how long the machine was ready for the next step
/// and nobody asked.
fn timeline(said: &str, shown: &BTreeMap<&str, Timestamp>) -> anyhow::Result<String> {
    let events: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let at = |event: &Value| -> anyhow::Result<Timestamp> {
        Ok(event["at"]
            .as_str()
            .context("an event has a time")?
            .parse()?)
    };
    let began = at(events.first().context("a run tells something")?)?;
    let since = |moment: Timestamp| moment.duration_since(began).as_secs_f64();
    let mut text = String::new();
    let mut ended = BTreeMap::new();
    for event in &events {
        if let (Some(step), "done" | "skipped") = (
            event["step"].as_str(),
            event["event"].as_str().unwrap_or(""),
        ) {
            let second = since(at(event)?);
            writeln!(text, "{second:7.2} s  {step}")?;
            ended.insert(step, second);
        }
    }
    let end = |step: &str| {
        ended
            .get(step)
            .copied()
            .with_context(|| format!("no `{step}`"))
    };
    let shown = |words: &str| shown.get(words).copied().map(since).context("it was shown");
    let whole = end("nodes-ready")?;
    let lost = [
        (
            "before the machine had its configuration",
            end("install/n1")?,
        ),
        (
            "from etcd's readiness to its bootstrap",
            shown(CALLED)? - shown(PREPARED)?,
        ),
        (
            "from the node's readiness to its being noticed",
            whole - shown(READY)?,
        ),
    ];
    let sum: f64 = lost.iter().map(|(_, seconds)| seconds).sum();
    for (what, seconds) in lost {
        writeln!(text, "{seconds:7.2} s  lost {what}")?;
    }
    let share = 100.0 * sum / whole;
    writeln!(text, "{sum:7.2} s  lost of {whole:.2} s: {share:.1} %")?;
    Ok(text)
}
