//! Real Talos nodes in a network of their own (`tests/realparts/talos-nodes/README.md`).
//!
//! Only processes inside the lab's network namespace reach its nodes. A client in the test's own
//! process dials through one: a relay between a socket in there and the pipes of a child.
//!
//! A lab ends with its value, and with the test program however that ends: a guard waits for the
//! end of a pipe that only this program holds open. What the consoles showed last is kept.

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use camino::{Utf8Path, Utf8PathBuf};
use talos_api::{Dial, Dialing, Endpoint, Options, Stream};
use tempfile::TempDir;

/// Copies between a socket and its own standard input and output until either ends.
const RELAY: &str = "
import os, select, socket, sys
try:
    peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
except OSError as error:
    sys.exit(str(error))
peer.settimeout(None)
while True:
    for ready in select.select([0, peer], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else peer.recv(65536)
        if not data:
            sys.exit()
        if ready == 0:
            peer.sendall(data)
        else:
            while data:
                data = data[os.write(1, data):]
";

/// Where the consoles of the last runs are kept.
const LOGS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/talos-nodes");

/// Running nodes; they end with the value.
pub struct Lab {
    folder: TempDir,
    guard: Child,
    name: &'static str,
    environment: BTreeMap<String, String>,
}

impl Lab {
    /// Starts this many light nodes for the case of this name; they answer in maintenance mode when
    /// this returns.
    pub fn light(name: &'static str, nodes: usize) -> Self {
        Self::up(name, &["--nodes", &nodes.to_string()])
    }

    /// Starts one node that runs Kubernetes.
    pub fn full(name: &'static str) -> Self {
        Self::up(name, &["--nodes", "1", "--full", "1"])
    }

    fn up(name: &'static str, arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("homelab-lab-")
            .tempdir()
            .expect("a temporary directory can be made");
        let mut lab = Self {
            guard: guard(&folder),
            folder,
            name,
            environment: BTreeMap::new(),
        };
        let shown = lab.command("up", arguments);
        lab.environment = shown
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect();
        lab
    }

    /// The address of a node: `n1`, `n2`…
    pub fn address(&self, node: &str) -> &str {
        &self.environment[&format!("LAB_NODE_{node}")]
    }

    /// The patches that a machine config needs in here.
    pub fn config_patches(&self) -> String {
        self.command("config", &[])
    }

    /// What a node's console has shown so far.
    pub fn console(&self, node: &str) -> String {
        let log = self.path().join("log").join(format!("{node}.log"));
        let bytes = std::fs::read(&log).unwrap_or_else(|error| panic!("{log}: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Plays a story among this many light nodes; when it fails, the consoles' last words are shown.
    pub fn story(
        name: &'static str,
        nodes: usize,
        story: impl FnOnce(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let lab = Self::light(name, nodes);
        let told = std::panic::AssertUnwindSafe(|| story(&lab));
        let result = std::panic::catch_unwind(told).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(anyhow::anyhow!("{}", message.unwrap_or("it panicked")))
        });
        result.with_context(|| lab.last_words())
    }

    fn last_words(&self) -> String {
        let ends = self.nodes().into_iter().map(|node| {
            let console = self.console(node);
            let lines: Vec<_> = console.lines().collect();
            let last = &lines[lines.len().saturating_sub(20)..];
            format!("the console of {node} ends with\n{}", last.join("\n"))
        });
        ends.collect::<Vec<_>>().join("\n")
    }

    /// The names of its nodes.
    pub fn nodes(&self) -> Vec<&str> {
        self.environment["LAB_NODES"].split(' ').collect()
    }

    /// How often a node has been asked to bootstrap etcd, by its console.
    pub fn bootstraps(&self, node: &str) -> usize {
        self.console(node)
            .matches("bootstrap request received")
            .count()
    }

    /// Takes a node's network link down.
    pub fn unplug(&self, node: &str) {
        self.command("unplug", &[node]);
    }

    /// And up again.
    pub fn plug(&self, node: &str) {
        self.command("plug", &[node]);
    }

    /// Empties the disks of all nodes: they are in maintenance mode again.
    pub fn wipe(&self) {
        for node in self.nodes() {
            self.command("wipe", &[node]);
        }
    }

    /// Puts a program with its arguments into the lab's network.
    pub fn inside<'a>(&'a self, program: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        let namespace = self.environment["LAB_NETNS"].as_str();
        let way = ["netns", "exec", namespace, program];
        way.iter().chain(arguments).copied().collect()
    }

    /// Connections into the lab's network, ten seconds for a call.
    pub fn options(&self) -> Options {
        Options {
            dial: Arc::new(Inside {
                namespace: self.environment["LAB_NETNS"].clone(),
            }),
            deadline: Duration::from_secs(10),
            ..Options::default()
        }
    }

    /// Runs a program in the lab's network: its standard output, or what it says instead.
    pub fn run(&self, program: &Utf8Path, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("ip")
            .args(self.inside(program.as_str(), arguments))
            .env("HOME", self.path())
            .stdin(Stdio::null())
            .output()
            .expect("`ip` runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// Writes a file into the lab's folder.
    pub fn write(&self, name: &str, content: &str) -> Utf8PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{path}: {error}"));
        path
    }

    /// Keeps a text beside the consoles' logs.
    pub fn keep(&self, name: &str, text: &str) {
        let path = self.path().join("log").join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Its folder.
    pub fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("temporary paths are UTF-8")
    }

    fn command(&self, verb: &str, arguments: &[&str]) -> String {
        let output = self.script(verb, arguments);
        assert!(
            output.status.success(),
            "lab {verb}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn script(&self, verb: &str, arguments: &[&str]) -> Output {
        Command::new(SCRIPT)
            .arg(verb)
            .arg(self.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("bash runs")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A lab that does not end is left for `lab down` by hand; the test's own failure matters more.
        let _ = self.script("down", &[]);
        let kept = Utf8Path::new(LOGS).join(self.name);
        let _ = std::fs::remove_dir_all(&kept);
        let _ = std::fs::create_dir_all(LOGS);
        let _ = Command::new("cp")
            .arg("-r")
            .arg(self.path().join("log"))
            .arg(kept)
            .status();
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/realparts/talos-nodes/lab"
);

/// Ends the lab when this program does.
fn guard(folder: &TempDir) -> Child {
    Command::new("setsid")
        .arg(SCRIPT)
        .arg("guard")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`setsid` runs")
}

/// Dials from inside a network namespace.
struct Inside {
    namespace: String,
}

impl Dial for Inside {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> Dialing<'a> {
        Box::pin(async move {
            let mut child = tokio::process::Command::new("ip")
                .args(["netns", "exec", &self.namespace, "python3", "-c", RELAY])
                .arg(endpoint.host())
                .arg(endpoint.port().to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()?;
            let reader = child.stdout.take().expect("it was asked for");
            let writer = child.stdin.take().expect("it was asked for");
            // The relay ends when the connection is dropped; the runtime collects it.
            Ok(Box::new(tokio::io::join(reader, writer)) as Box<dyn Stream>)
        })
    }
}
