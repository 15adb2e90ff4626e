//! Real Talos nodes in a network of their own (`tests/realparts/talos-nodes/README.md`).
//!
//! Only processes inside the lab's network namespace reach its nodes. A client in the test's own
//! process dials through one: a relay between a socket in there and the pipes of a child.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

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

/// Running nodes; they end with the value.
pub struct Lab {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Lab {
    /// Starts this many nodes; they answer in maintenance mode when this returns.
    pub fn up(nodes: usize) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("homelab-lab-")
            .tempdir()
            .expect("a temporary directory can be made");
        let mut lab = Self {
            folder,
            environment: BTreeMap::new(),
        };
        let shown = lab.command("up", &["--nodes", &nodes.to_string()]);
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
            .args(["netns", "exec", &self.environment["LAB_NETNS"]])
            .arg(program)
            .args(arguments)
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

    fn path(&self) -> &Utf8Path {
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
        let script =
            Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/realparts/talos-nodes/lab");
        Command::new(script)
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
    }
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
