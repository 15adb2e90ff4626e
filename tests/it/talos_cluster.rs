//! `homelab bootstrap` against three real Talos nodes: machined, apid, trustd and etcd of the
//! release, in namespaces of this machine.
//!
//! The cluster is `tests/realparts/talos-nodes/light.yaml`. Its machines are containers, which
//! `homelab` sees for itself: nothing is installed and nothing reboots. So nothing here tells of
//! disks, installation, firmware, DHCP or a virtual IP; and a light node has no kubelet, so that its
//! Kubernetes API never answers. Rehearsals simulate those.
//!
//! Whether there is one etcd is judged by upstream's `talosctl` and by the machines' own consoles.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use insta::assert_snapshot;

use crate::support::lab::Lab;
use crate::support::operator::{Operator, refused, until};
use crate::support::{Case, Need};

const SPEC: &str = "tests/realparts/talos-nodes/light.yaml";
/// As far as a light node goes.
const AS_FAR: &[&str] = &["--until", "kubeconfig"];

pub fn tests() -> Vec<Case> {
    [
        Case::new("three_machines_become_one_etcd", || {
            Lab::story("three_machines", 3, three_machines)
        }),
        Case::new("raw_calls_split_etcd_and_two_operators_do_not", || {
            Lab::story("split", 3, split)
        }),
        Case::new("kills_lost_replies_and_cut_links_do_not_split_etcd", || {
            Lab::story("attacks", 3, attacks)
        }),
        Case::new("a_killed_test_leaves_nothing_behind", nothing_is_left),
    ]
    .map(|case| {
        case.needs(Need::Namespaces)
            .needs(Need::Program("python3"))
            .needs(Need::Program("git"))
            .parts(&["talos-node", "talosctl"])
    })
    .into()
}

/// From discovery to the kubeconfig and the last voter; about a minute.
fn three_machines(lab: &Lab) -> anyhow::Result<()> {
    let operator = Operator::new(lab, SPEC);
    finds_them(&operator);

    let plan = operator.homelab(&["bootstrap", "--plan"]).run().success();
    let skipped = "`n2` waits for its configuration; it is a container, so nothing is installed and nothing reboots";
    ensure!(plan.stdout.contains(skipped), "{}", plan.stdout);
    ensure!(
        plan.stdout.contains("bootstrap etcd on `n1`"),
        "{}",
        plan.stdout
    );

    let (code, said) = operator.bootstraps(AS_FAR).ends()?;
    ensure!(code == Some(0), "{said}");
    operator.waits_for_one_etcd()?;
    asked_once(lab)?;
    let kubeconfig = operator.env().read(".homelab/state/kubeconfig");
    ensure!(kubeconfig.contains("server: https://10.5.0.11:6443"));
    let etcd = operator.members("n1").map_err(anyhow::Error::msg)?;

    // What a light node cannot do is waited for in words, and the wait may be left at any moment.
    let mut going = operator.bootstraps(&[]);
    going.waits_to_hear("the node pulls and starts the Kubernetes control plane")?;
    let (code, said) = going.interrupt()?;
    ensure!(code == Some(130), "{said}");
    ensure!(said.contains("under way: `api/n1`"), "{said}");
    ensure!(said.contains("etcd is healthy on `n1` already"), "{said}");
    ensure!(operator.members("n1") == Ok(etcd));
    asked_once(lab)
}

fn finds_them(operator: &Operator<'_>) {
    let found = operator.homelab(&["nodes", "discover"]).run().success();
    assert_snapshot!(without_macs(&found.stdout), @r#"
    # ADDRESS    STATE        TALOS    ARCH   MEMORY  DISKS
    # 10.5.0.11  maintenance  v1.13.9  amd64  -       -
    # 10.5.0.12  maintenance  v1.13.9  amd64  -       -
    # 10.5.0.13  maintenance  v1.13.9  amd64  -       -

    nodes:
      - name: n1
        role: control-plane
        address: 10.5.0.11
        disk: {}  # it shows no disk that can be written
        nic: {mac: "[MAC]"}  # eth0
      - name: n2
        role: control-plane
        address: 10.5.0.12
        disk: {}  # it shows no disk that can be written
        nic: {mac: "[MAC]"}  # eth0
      - name: n3
        role: control-plane
        address: 10.5.0.13
        disk: {}  # it shows no disk that can be written
        nic: {mac: "[MAC]"}  # eth0
    "#);
    let listed = operator.homelab(&["nodes", "list"]).run().success();
    assert_snapshot!(listed.stdout, @"
    NODE  ROLE           ADDRESS    STATE        TALOS    ARCH   MEMORY  DISKS
    n1    control plane  10.5.0.11  maintenance  v1.13.9  amd64  -       -
    n2    control plane  10.5.0.12  maintenance  v1.13.9  amd64  -       -
    n3    control plane  10.5.0.13  maintenance  v1.13.9  amd64  -       -
    ");
}

/// Hardware addresses are the kernel's choice.
fn without_macs(text: &str) -> String {
    let words = text.split_inclusive('"').map(|word| {
        let is_mac = word.len() == 18 && word.matches(':').count() == 5;
        if is_mac { "[MAC]\"" } else { word }
    });
    words.collect()
}

/// One Bootstrap call reached the first control plane, and none another.
fn asked_once(lab: &Lab) -> anyhow::Result<()> {
    let calls: Vec<_> = lab
        .nodes()
        .iter()
        .map(|node| lab.bootstraps(node))
        .collect();
    ensure!(calls == [1, 0, 0], "Bootstrap calls: {calls:?}");
    Ok(())
}

/// Talos lets two Bootstrap calls split a cluster; two operators at once do not; about a minute and a half.
fn split(lab: &Lab) -> anyhow::Result<()> {
    let operator = Operator::new(lab, SPEC);
    let (code, said) = operator.bootstraps(&["--until", "machines"]).ends()?;
    ensure!(code == Some(0), "{said}");
    raw_calls_split(&operator)?;
    let run = operator.homelab(&["bootstrap", "--yes", "--patience", "0"]);
    refused(run.run(), 6, "there are two etcd clusters: `n1` knows")?;

    lab.wipe();
    let calls = |lab: &Lab| {
        lab.nodes()
            .iter()
            .map(|node| lab.bootstraps(node))
            .collect()
    };
    let before: Vec<usize> = calls(lab);
    let other = operator.elsewhere();
    let (one, two) = (operator.bootstraps(AS_FAR), other.bootstraps(AS_FAR));
    for (code, said) in [one.ends()?, two.ends()?] {
        ensure!(code == Some(0), "{said}");
    }
    operator.waits_for_one_etcd()?;
    // On one node a second call is harmless: it is refused, or starts the same etcd again.
    let after: Vec<usize> = calls(lab);
    ensure!(
        after[0] > before[0] && after[1..] == before[1..],
        "{before:?} {after:?}"
    );

    lab.wipe();
    an_etcd_that_is_cut_off_is_never_made_again(lab, &operator)
}

/// Waits until a console says once more that etcd waits; before, it pulls its image, which a call to
/// bootstrap would interrupt.
fn etcd_waits(lab: &Lab, node: &str, said_before: usize) -> anyhow::Result<()> {
    until("etcd waits", 60, || {
        let said = waits_said(lab, node);
        ensure!(said > said_before, "{node} said so {said} times");
        Ok(())
    })
}

fn waits_said(lab: &Lab, node: &str) -> usize {
    let console = lab.console(node);
    console
        .matches("etcd is waiting to join the cluster")
        .count()
}

fn raw_calls_split(operator: &Operator<'_>) -> anyhow::Result<()> {
    for node in ["n1", "n2"] {
        etcd_waits(operator.lab(), node, 0)?;
    }
    let calls = ["n1", "n2"].map(|node| operator.talosctl_run(node, &["bootstrap"]).spawn());
    for call in calls {
        let output = call.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // The third machine joins one of them.
    let without = |other: &str, node: &str| {
        until("an etcd has its own members", 90, || {
            let members = operator.members(node).map_err(anyhow::Error::msg)?;
            let has = |wanted: &str| members.iter().any(|(_, name, _)| name == wanted);
            ensure!(has(node) && !has(other), "{members:?}");
            Ok(members)
        })
    };
    let (one, two) = (without("n2", "n1")?, without("n1", "n2")?);
    ensure!(one.is_disjoint(&two), "{one:?} {two:?}");
    Ok(())
}

/// The first control plane's etcd starts and nobody reaches it; then it comes back.
fn an_etcd_that_is_cut_off_is_never_made_again(
    lab: &Lab,
    operator: &Operator<'_>,
) -> anyhow::Result<()> {
    let said_before = waits_said(lab, "n1");
    let (code, said) = operator.bootstraps(&["--until", "machines"]).ends()?;
    ensure!(code == Some(0), "{said}");
    etcd_waits(lab, "n1", said_before)?;
    until("etcd takes a bootstrap", 60, || {
        operator
            .talosctl("n1", &["bootstrap"])
            .map_err(anyhow::Error::msg)
    })?;
    until("its etcd runs", 90, || {
        let service = operator.talosctl("n1", &["service", "etcd"]);
        let service = service.map_err(anyhow::Error::msg)?;
        ensure!(service.contains("Running"), "{service}");
        Ok(())
    })?;
    // One that came too early is refused, and counts.
    let calls = lab.bootstraps("n1");
    lab.unplug("n1");
    operator.forgets();
    let other = operator.elsewhere();
    for somebody in [operator, &other] {
        let run = somebody.homelab(&["bootstrap", "--yes", "--patience", "0"]);
        refused(
            run.run(),
            6,
            "it may hold an etcd that a bootstrap would split",
        )?;
    }
    lab.plug("n1");
    let (code, said) = other.bootstraps(AS_FAR).ends()?;
    ensure!(code == Some(0), "{said}");
    other.waits_for_one_etcd()?;
    ensure!(lab.bootstraps("n1") == calls);
    Ok(())
}

/// What goes wrong on the way; about a minute and a half.
fn attacks(lab: &Lab) -> anyhow::Result<()> {
    let operator = Operator::new(lab, SPEC);

    // A machine that is not there: nothing is done to the others.
    lab.unplug("n3");
    let run = operator.homelab(&["bootstrap", "--yes", "--patience", "0"]);
    refused(run.run(), 6, "`n3` does not answer")?;
    ensure!(operator.journal().is_empty(), "{:?}", operator.journal());
    lab.plug("n3");

    // Killed between the journal's line and the call.
    let mut going = operator.bootstraps(AS_FAR);
    operator.waits_for_step(&mut going, "bootstrap-etcd/n1")?;
    going.kill()?;
    no_etcd_anywhere(lab, &operator)?;

    // The journal is lost, and another computer goes on. A link goes down before the call…
    operator.forgets();
    let other = operator.elsewhere();
    let link = SlowLink::start(lab)?;
    other.map_to(&[("10.5.0.11:50000", "10.5.0.1:40011")]);
    let mut going = other.bootstraps(AS_FAR);
    other.waits_for_step(&mut going, "bootstrap-etcd/n1")?;
    lab.unplug("n2");
    going.waits_to_hear("`n2` does not answer")?;
    ensure!(lab.nodes().iter().all(|node| lab.bootstraps(node) == 0));
    lab.plug("n2");

    // …and then the reply is lost: etcd is bootstrapped, and nobody heard of it.
    going.waits_until("a Bootstrap call", 180, || lab.bootstraps("n1") == 1)?;
    link.cut()?;
    going.waits_to_hear("ended during `Bootstrap`")?;
    let _mended = SlowLink::start(lab)?;
    let (code, said) = going.ends()?;
    ensure!(code == Some(0), "{said}");
    operator.waits_for_one_etcd()?;
    let others: usize = ["n2", "n3"].iter().map(|node| lab.bootstraps(node)).sum();
    ensure!(others == 0, "{others} Bootstrap calls reached another node");
    Ok(())
}

fn no_etcd_anywhere(lab: &Lab, operator: &Operator<'_>) -> anyhow::Result<()> {
    for node in lab.nodes() {
        ensure!(lab.bootstraps(node) == 0, "{node} was asked to bootstrap");
        let listed = operator.talosctl(node, &["list", "/var/lib/etcd"]);
        let listed = listed.map_err(anyhow::Error::msg)?;
        ensure!(!listed.contains("member"), "{listed}");
    }
    Ok(())
}

/// A way to the first node whose answers take 300 ms.
struct SlowLink {
    process: Child,
}

impl SlowLink {
    fn start(lab: &Lab) -> anyhow::Result<Self> {
        let program = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/realparts/talos-nodes/slow-link"
        );
        let arguments = ["40011", lab.address("n1"), "50000", "300"];
        let mut process = Command::new("ip")
            .args(lab.inside(program, &arguments))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = process.stdout.take().context("it was asked for")?;
        let mut ready = [0; 6];
        std::io::Read::read_exact(&mut stdout, &mut ready)?;
        Ok(Self { process })
    }

    /// Whatever is under way is lost.
    fn cut(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A test program is killed while its lab is up; about ten seconds.
fn nothing_is_left() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let before = settings()?;
    let mut test = Command::new(std::env::current_exe()?)
        .args(["--exact", "talos_cluster::three_machines_become_one_etcd"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let folder = folder.path().to_string_lossy();
    let up = until("its lab is up", 120, || {
        let lab = shell("ls -d $1/homelab-lab-*/env", &[&folder])?;
        let lab = lab.trim().trim_end_matches("/env").to_owned();
        let id = shell("cksum <<<$1 | awk '{printf \"hl-%08x\", $1}'", &[&lab])?;
        let traces = traces(&folder, &id)?;
        let machines = traces.lines().filter(|line| line.ends_with(" /sbin/init"));
        ensure!(machines.count() >= 3, "{traces}");
        Ok(id)
    });
    test.kill()?;
    test.wait()?;
    let id = up?;
    until("nothing is left of it", 60, || {
        let left = traces(&folder, &id)?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })?;
    // Another lab may be up, which restores them when it ends.
    if !std::fs::exists(SHARED)? {
        let after = settings()?;
        ensure!(after == before, "{before}became {after}");
    }
    Ok(())
}

/// What the labs of this machine have in common while one is up.
const SHARED: &str = "/run/homelab-labs";

/// The kernel's settings that machines write, as they were before any lab.
fn settings() -> anyhow::Result<String> {
    let names = "kernel/panic kernel/panic_on_oops vm/overcommit_memory vm/panic_on_oom \
                 kernel/keys/root_maxkeys kernel/keys/root_maxbytes";
    let saved = format!("{SHARED}/sysctls");
    shell(
        "cat $1 2>/dev/null || for name in $2; do echo $name $(cat /proc/sys/$name); done",
        &[&saved, names],
    )
}

/// What is on this machine because of a lab: namespaces, mounts, groups, processes, files.
fn traces(folder: &str, id: &str) -> anyhow::Result<String> {
    let script = r#"
        for namespace in $(ip netns list | grep -o "^$2[-a-z0-9]*"); do
            echo "namespace $namespace"
            for pid in $(ip netns pids $namespace); do
                echo "process $(tr '\0' ' ' </proc/$pid/cmdline | sed 's/ $//')"
            done
        done 2>/dev/null
        grep -F "$1" /proc/mounts
        find /sys/fs/cgroup -type d -name "$2-*"
        pgrep -af "$1/homelab-lab-"
        ls -d $1/homelab-lab-* /run/homelab-labs/$2 2>/dev/null
        true"#;
    shell(script, &[folder, id])
}

fn shell(script: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "{script}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}
