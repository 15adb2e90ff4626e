//! `homelab bootstrap` against a real Talos node that runs Kubernetes: kubelet, API server,
//! controller manager and scheduler of the releases, in namespaces of this machine.
//!
//! The cluster is `tests/realparts/talos-nodes/full.yaml`. Nothing here tells of disks,
//! installation, firmware, a virtual IP, a real pod network or images from the internet: the
//! machine is a container, and images and the network plugin are the lab's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::support::lab::Lab;
use crate::support::operator::{Operator, TOKEN, until};
use crate::support::played::Played;
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
        Case::new("git_takes_over_a_real_machine", git_takes_over)
            .needs(Need::Minutes(4))
            .needs(Need::Namespaces)
            .needs(Need::Program("git"))
            .needs(Need::Program("python3"))
            .needs(Need::Program("openssl"))
            .parts(&["talos-node", "talosctl"])
            .parts(realparts::GITOPS),
    ]
}

/// One `homelab bootstrap`, from maintenance mode to where everything in Git is ready. Pods run on a
/// played node, charts are stand-ins, Flux' programs run beside the cluster, and the chart runner's
/// script is carried out for its pod.
fn git_takes_over() -> anyhow::Result<()> {
    let lab = Lab::full("git_takes_over");
    let operator = Operator::unpublished(&lab, SPEC);
    let played = Played::start(&operator)?;
    played.publish(&operator)?;
    let all = ["--contexts", "keep", "--output", "json"];
    let (code, said) = operator.bootstraps(&all).ends()?;
    lab.keep("steps.txt", &steps(&said)?.0);
    ensure!(code == Some(0), "{said}");
    for (kind, least) in [("kustomizations", 5), ("helmreleases", 2)] {
        let ready = "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
        let ready = kubectl(&operator, &["get", kind, "-A", "-o", ready])?;
        let ready: Vec<_> = ready.lines().collect();
        ensure!(ready.len() >= least, "{kind}: {ready:?}");
        ensure!(ready.iter().all(|it| *it == "True"), "{kind}: {ready:?}");
    }
    let token = [
        "get",
        "secret",
        "cloudflare-api-token",
        "-n",
        "cert-manager",
    ];
    let token = [&token[..], &["-o", "jsonpath={.data.api-token}"]].concat();
    let token = kubectl(&operator, &token)?;
    ensure!(BASE64_STANDARD.decode(token)? == TOKEN.as_bytes());
    ensure!(lab.bootstraps("n1") == 1);
    Ok(())
}

fn kubectl(operator: &Operator<'_>, arguments: &[&str]) -> anyhow::Result<String> {
    let kubeconfig = operator.env().root().join(".homelab/state/kubeconfig");
    let way = ["--kubeconfig", kubeconfig.as_str()];
    let program = realparts::program("kubernetes", "kubectl");
    let all: Vec<&str> = way.iter().chain(arguments).copied().collect();
    operator
        .lab()
        .run(&program, &all)
        .map_err(anyhow::Error::msg)
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
    let kubectl = |arguments: &[&str]| kubectl(&operator, arguments);
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

/// What was done when, by the run's own account: as text, by step, and when it began.
fn steps(said: &str) -> anyhow::Result<(String, BTreeMap<String, f64>, Timestamp)> {
    let events: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let at = |event: &Value| -> anyhow::Result<Timestamp> {
        let at = event["at"].as_str();
        Ok(at.context("an event has a time")?.parse()?)
    };
    let began = at(events.first().context("a run tells something")?)?;
    let (mut text, mut ended) = (String::new(), BTreeMap::new());
    for event in &events {
        let what = event["event"].as_str().unwrap_or_default();
        if let (Some(step), "done" | "skipped") = (event["step"].as_str(), what) {
            let second = at(event)?.duration_since(began).as_secs_f64();
            writeln!(text, "{second:7.2} s  {step}")?;
            ended.insert(step.to_owned(), second);
        }
    }
    Ok((text, ended, began))
}

/// The same, and how long the machine was ready for the next step and nobody asked.
fn timeline(said: &str, shown: &BTreeMap<&str, Timestamp>) -> anyhow::Result<String> {
    let (mut text, ended, began) = steps(said)?;
    let since = |moment: Timestamp| moment.duration_since(began).as_secs_f64();
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
    ensure!(share < 5.0, "{sum:.2} s of {whole:.2} s were lost:\n{text}");
    writeln!(text, "{sum:7.2} s  lost of {whole:.2} s: {share:.1} %")?;
    Ok(text)
}
