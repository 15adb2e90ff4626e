//! Machines, a real Kubernetes API and a repository, connected by a map.

use std::net::SocketAddr;
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::super::control_plane::ControlPlane;
use super::super::{Run, TestEnv};
use super::kubelets::Kubelets;
use super::{charts, repository};

/// How many times as fast as outside time passes for the machines.
const SPEED: &str = "600";
/// The machines' addresses: control planes of this project's own cluster.
pub const NODES: [(&str, &str); 3] = [
    ("talos-1", "192.168.1.101"),
    ("talos-2", "192.168.1.102"),
    ("talos-3", "192.168.1.103"),
];
/// Longer than a bootstrap takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
const VIP: &str = "192.168.1.100";

/// Simulated machines with a real Kubernetes; all of it ends with the value.
pub struct World {
    pub env: TestEnv,
    pub kubelets: Kubelets,
    pub real: Arc<ControlPlane>,
    _machines: Machines,
}

/// Served machines; they end with the value, or else with the thread that made it.
struct Machines(Child);

impl Drop for Machines {
    fn drop(&mut self) {
        // They may have ended by themselves, which the test notices elsewhere.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// Starts one: machines in maintenance mode, an API server that nobody has written to.
    pub fn new() -> anyhow::Result<Self> {
        let env = repository::with_secrets()?;
        let mut names = vec![format!("IP:{VIP}")];
        names.extend(NODES.iter().map(|(_, address)| format!("IP:{address}")));
        let real = ControlPlane::with_surroundings(&env.base().join("pki"), &names);
        charts::publish(&env, &real)?;
        repository::publish(&env, &real)?;
        let machines = serve_machines(&env)?;
        let simulated = write_map(&env, &real)?;
        let real = Arc::new(real);
        Ok(Self {
            kubelets: Kubelets::start(&env, Arc::clone(&real), simulated),
            env,
            real,
            _machines: machines,
        })
    }

    /// The built `homelab` with these arguments and the way to this world.
    pub fn homelab(&self, arguments: &[&str]) -> super::super::env::Invocation {
        let map = self.env.base().join("map.json");
        let map = ["--connect-map", map.as_str()];
        self.env.homelab(arguments.iter().chain(&map))
    }

    /// Runs a bootstrap to its end, or as long as it may take; what kept the cluster back is told then.
    pub fn bootstrap(&self) -> anyhow::Result<Run> {
        self.ends(self.start_bootstrap())
    }

    /// Waits for the end of a bootstrap, as long as one may take.
    pub fn ends(&self, mut running: Child) -> anyhow::Result<Run> {
        let end = Instant::now() + PATIENCE;
        while running.try_wait()?.is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
        running.kill()?;
        let run = Run::new(&running.wait_with_output()?, self.env.redactor());
        if run.code.is_none() {
            let notes = self.kubelets.notes();
            bail!("it does not end: {}\n{notes:#?}", run.stderr);
        }
        Ok(run)
    }

    /// Starts a bootstrap that the caller ends; it ends with this thread in any case.
    pub fn start_bootstrap(&self) -> Child {
        let map = self.env.base().join("map.json");
        let homelab = ["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_homelab")];
        let bootstrap = ["bootstrap", "--yes", "--contexts", "keep", "--connect-map"];
        let words = homelab.iter().chain(&bootstrap).copied();
        self.env
            .program("setpriv", words.chain([map.as_str()]))
            .spawn()
    }

    /// The lines of the journal.
    pub fn journal(&self) -> Vec<Value> {
        self.env.journal()
    }

    /// The objects of a kind, wherever they are.
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        let listed = self
            .real
            .kubectl(&["get", kind, "-A", "-o", "json", "--show-managed-fields"]);
        let mut listed: Value = serde_json::from_str(&listed).expect("kubectl writes JSON");
        match listed["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kubelets.stop();
    }
}

/// Serves the machines.
fn serve_machines(env: &TestEnv) -> anyhow::Result<Machines> {
    let world = env.base().join("world");
    let homelab = env!("CARGO_BIN_EXE_homelab");
    let serve = [
        "--pdeathsig",
        "KILL",
        homelab,
        "rehearse",
        "--serve",
        world.as_str(),
    ];
    let invocation = env.program("setpriv", serve.iter().chain(&["--speed", SPEED]));
    let machines = Machines(invocation.spawn());
    let end = Instant::now() + Duration::from_mins(1);
    while !world.join("connect-map.json").exists() {
        ensure!(Instant::now() < end, "the machines do not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(machines)
}

/// Leads the Kubernetes API of every machine, the virtual IP and Git to the real ones; returns where
/// the first machine's simulated API is.
fn write_map(env: &TestEnv, real: &ControlPlane) -> anyhow::Result<SocketAddr> {
    let map = std::fs::read_to_string(env.base().join("world/connect-map.json"))?;
    let mut map: Value = serde_json::from_str(&map)?;
    let targets = map["targets"].as_object_mut().context("targets")?;
    let simulated = targets[&format!("{}:6443", NODES[0].1)].clone();
    for (_, address) in NODES {
        targets[&format!("{address}:6443")] = json!(real.fact("NODES_ADDRESS"));
    }
    targets[&format!("{VIP}:6443")] = json!(real.fact("VIP_ADDRESS"));
    let url = real.fact("GIT_URL");
    let server = url.trim_start_matches("http://").split('/').next();
    let server = server.context("a server")?;
    targets.insert(server.to_owned(), json!(server));
    map["git"] = json!({"url": url, "serves": "repository"});
    std::fs::write(env.base().join("map.json"), map.to_string())?;
    Ok(simulated.as_str().context("an address")?.parse()?)
}
