//! Somebody with a computer, a repository and a lab of Talos nodes: runs the built `homelab` and
//! upstream's `talosctl` in the lab's network.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use camino::Utf8PathBuf;
use serde_json::Value;

use super::env::Invocation;
use super::lab::Lab;
use super::{Run, TestEnv, realparts, vault};

/// What is encrypted in the repository of a cluster that has a component with a secret.
pub const TOKEN: &str = "the-token-of-the-zone";
const BUNDLE: &str = "infrastructure/talos/secrets.sops.yaml";

/// Somebody with a computer and a repository.
pub struct Operator<'a> {
    lab: &'a Lab,
    env: TestEnv,
}

impl<'a> Operator<'a> {
    /// Somebody who has made secrets for the lab's committed cluster, rendered and pushed.
    pub fn new(lab: &'a Lab, spec: &str) -> Self {
        let operator = Self::unpublished(lab, spec);
        operator.pushes();
        operator
    }

    /// Somebody who has made secrets for the lab's committed cluster and goes on without a map.
    pub fn unpublished(lab: &'a Lab, spec: &str) -> Self {
        let operator = Self::with(lab, &read(spec), None);
        std::fs::write(operator.map(), r#"{"version": 1}"#).expect("the folder is there");
        operator
    }

    /// The same cluster on another computer, where the nodes stand in another order.
    pub fn elsewhere(&self) -> Self {
        let spec = self.env.read("homelab.yaml");
        let is_node = |line: &&str| line.trim_start().starts_with("- {name: ");
        let mut nodes: Vec<_> = spec.lines().filter(is_node).collect();
        let lines = spec.lines().map(|line| {
            if is_node(&line) {
                nodes.pop().expect("as many as before")
            } else {
                line
            }
        });
        let reversed = lines.collect::<Vec<_>>().join("\n") + "\n";
        let other = Self::with(self.lab, &reversed, Some(&self.env.read(BUNDLE)));
        other.pushes();
        other
    }

    fn with(lab: &'a Lab, spec: &str, bundle: Option<&str>) -> Self {
        let env = vault::git_repository();
        env.write("homelab.yaml", spec);
        env.write("lab.yaml", lab.config_patches());
        if let Some(bundle) = bundle {
            env.write(BUNDLE, bundle);
        }
        let init = if spec.contains("dns: cloudflare") {
            let token = "cert-manager/cloudflare-api-token/api-token=-";
            env.homelab(["secrets", "init", "--from-file", token])
                .stdin(TOKEN)
        } else {
            env.homelab(["secrets", "init"])
        };
        init.run().success();
        env.homelab(["render"]).run().success();
        env.homelab(["talosconfig"]).run().success();
        Self { lab, env }
    }

    fn pushes(&self) {
        let remote = self.env.base().join("remote.git");
        vault::git(&self.env, ["add", "-A"]).success();
        vault::git(&self.env, ["commit", "-q", "-m", "a cluster"]).success();
        vault::git(&self.env, ["clone", "-q", "--bare", ".", remote.as_str()]).success();
        self.map_to(&[]);
    }

    /// Leads targets elsewhere, and Git to the bare repository.
    pub fn map_to(&self, targets: &[(&str, &str)]) {
        let targets: serde_json::Map<String, Value> = targets
            .iter()
            .map(|(from, to)| ((*from).to_owned(), Value::from(*to)))
            .collect();
        let remote = self.env.base().join("remote.git");
        let map = serde_json::json!({
            "version": 1,
            "targets": targets,
            "git": {"url": format!("file://{remote}")},
        });
        std::fs::write(self.map(), map.to_string()).expect("the folder is there");
    }

    fn map(&self) -> Utf8PathBuf {
        self.env.base().join("connect-map.json")
    }

    /// The lab that the operator works in.
    pub fn lab(&self) -> &Lab {
        self.lab
    }

    /// The operator's repository and home.
    pub fn env(&self) -> &TestEnv {
        &self.env
    }

    /// `homelab …` in the lab's network.
    pub fn homelab(&self, arguments: &[&str]) -> Invocation {
        let map = self.map();
        let all: Vec<&str> = arguments
            .iter()
            .copied()
            .chain(["--connect-map", map.as_str()])
            .collect();
        let inside = self.lab.inside(env!("CARGO_BIN_EXE_homelab"), &all);
        self.env.program("ip", inside)
    }

    /// `homelab bootstrap …` that goes on beside the test.
    pub fn bootstraps(&self, arguments: &[&str]) -> Going {
        let all = ["bootstrap", "--yes"];
        let all: Vec<&str> = all.iter().chain(arguments).copied().collect();
        Going::new(self.homelab(&all).spawn())
    }

    /// `talosctl …` about one node in the lab's network: what it prints, or says instead.
    pub fn talosctl(&self, node: &str, arguments: &[&str]) -> Result<String, String> {
        let run = self.talosctl_run(node, arguments).run();
        if run.code == Some(0) {
            Ok(run.stdout)
        } else {
            Err(run.stderr)
        }
    }

    /// The same, not run yet; after ten seconds it ends without an answer.
    pub fn talosctl_run(&self, node: &str, arguments: &[&str]) -> Invocation {
        let program = realparts::program("talosctl", "talosctl");
        let config = self.env.home().join(".talos/config");
        let address = self.lab.address(node);
        let way = ["10", program.as_str(), "--talosconfig", config.as_str()];
        let about = ["-e", address, "-n", address];
        let all: Vec<&str> = way.iter().chain(&about).chain(arguments).copied().collect();
        self.env.program("ip", self.lab.inside("timeout", &all))
    }

    /// The members of the etcd that a node belongs to, by upstream's client: number and name, and
    /// whether it has a vote.
    pub fn members(&self, node: &str) -> Result<BTreeSet<(String, String, bool)>, String> {
        let shown = self.talosctl(node, &["etcd", "members"])?;
        let lines = shown.lines().skip(1).map(str::split_whitespace);
        Ok(lines
            .filter_map(|mut words| {
                let (_, id, name) = (words.next()?, words.next()?, words.next()?);
                let is_learner = words.next_back()? == "true";
                Some((id.to_owned(), name.to_owned(), !is_learner))
            })
            .collect())
    }

    /// Waits until every node knows the same three voters.
    pub fn waits_for_one_etcd(&self) -> anyhow::Result<()> {
        until("every node is a voter of one etcd", 180, || {
            let nodes = self.lab.nodes();
            let first = self.members(nodes[0]).map_err(anyhow::Error::msg)?;
            let names: Vec<_> = first.iter().map(|(_, name, _)| name.as_str()).collect();
            let names: BTreeSet<_> = names.into_iter().collect();
            ensure!(names == nodes.iter().copied().collect(), "{first:?}");
            ensure!(first.iter().all(|(_, _, votes)| *votes), "{first:?}");
            for node in &nodes[1..] {
                let known = self.members(node).map_err(anyhow::Error::msg)?;
                ensure!(known == first, "{node} knows {known:?}, not {first:?}");
            }
            Ok(())
        })
    }

    /// The journal's lines.
    pub fn journal(&self) -> Vec<Value> {
        self.env.journal()
    }

    /// Waits until the journal says that a run begins a step.
    pub fn waits_for_step(&self, going: &mut Going, step: &str) -> anyhow::Result<()> {
        let begins = |line: &Value| line["step"] == step && line["what"] == "begin";
        going.waits_until(&format!("`{step}` begins"), 180, || {
            self.journal().iter().any(begins)
        })
    }

    /// Loses the journal and everything else that a run keeps.
    pub fn forgets(&self) {
        std::fs::remove_dir_all(self.env.root().join(".homelab/state")).expect("there was a run");
    }
}

fn read(path: &str) -> String {
    let path = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program that runs beside the test; it ends with the value.
pub struct Going {
    process: Child,
    said: Arc<Mutex<String>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Going {
    fn new(mut process: Child) -> Self {
        let mut stderr = process.stderr.take().expect("it was asked for");
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let listener = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]);
                heard.lock().unwrap().push_str(&text);
            }
        });
        Self {
            process,
            said,
            listener: Some(listener),
        }
    }

    /// What it wrote to standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said something.
    pub fn waits_to_hear(&mut self, words: &str) -> anyhow::Result<()> {
        let said = Arc::clone(&self.said);
        self.waits_until(words, 180, || said.lock().unwrap().contains(words))
    }

    /// Waits until something holds while it runs, looking often enough for moments.
    pub fn waits_until(
        &mut self,
        what: &str,
        seconds: u64,
        mut holds: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !holds() {
            if let Some(status) = self.process.try_wait()? {
                bail!("it ended ({status}) before {what}: {}", self.said());
            }
            ensure!(Instant::now() < end, "not yet: {what}: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Presses Ctrl-C; returns what its exit code is and what it said.
    pub fn interrupt(self) -> anyhow::Result<(Option<i32>, String)> {
        let sent = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .stdin(Stdio::null())
            .status()?;
        ensure!(sent.success());
        self.ends()
    }

    /// Waits for its end: its exit code and what it said.
    pub fn ends(mut self) -> anyhow::Result<(Option<i32>, String)> {
        let status = self.process.wait()?;
        let listener = self.listener.take().context("it is waited for once")?;
        listener.join().expect("it only reads");
        Ok((status.code(), self.said()))
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Tries until it works; fails after so many seconds with what happened last.
pub fn until<T>(
    what: &str,
    seconds: u64,
    mut attempt: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() > end => {
                return Err(error).with_context(|| format!("waited until {what}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Fails unless a run ended with this exit code and said this.
pub fn refused(run: Run, code: i32, words: &str) -> anyhow::Result<()> {
    let run = run.expect_code(code);
    ensure!(run.stderr.contains(words), "no `{words}`: {}", run.stderr);
    Ok(())
}
