//! Upstream's own client against simulated machines: what real `talosctl` says of them is what it
//! would say of real ones.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use homelab::model::{Clock, SystemClock};
use homelab::rehearse::machine::{Fleet, MachineSpec, Reach, SharedFleet};
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::support::{Case, TestEnv, clusters, realparts};

/// A minute of the simulated machines passes in one second.
const SPEED: u32 = 60;

pub fn tests() -> Vec<Case> {
    vec![
        Case::new("talosctl_takes_a_simulated_machine_into_service", || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let (fleet, port) = serve().await?;
                tokio::task::spawn_blocking(move || drive_by_talosctl(&fleet, port)).await?
            })
        })
        .parts(&["talosctl"]),
    ]
}

/// The computer's time, sped up.
struct Fast(Instant, Timestamp);

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        self.1 + self.0.elapsed() * SPEED
    }
}

/// Puts one machine on the loopback interface; returns its fleet and the port of its API.
async fn serve() -> anyhow::Result<(SharedFleet, u16)> {
    let clock: Arc<dyn Clock> = Arc::new(Fast(Instant::now(), Timestamp::now()));
    let mut spec = MachineSpec::of_cluster(&clusters::talos()).swap_remove(0);
    spec.address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let name = spec.name.clone();
    let fleet = SharedFleet::new(Fleet::new(vec![spec], 1, clock.now()), clock)
        .with_calendar(Arc::new(SystemClock));
    let driven = fleet.clone();
    tokio::spawn(async move { driven.drive(SPEED).await });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let served = fleet.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (fleet, name) = (served.clone(), name.clone());
            tokio::spawn(async move { fleet.serve(name, "".into(), Box::new(stream)).await });
        }
    });
    Ok((fleet, port))
}

fn drive_by_talosctl(fleet: &SharedFleet, port: u16) -> anyhow::Result<()> {
    let talosctl = Talosctl::new(port);
    talosctl.generate();

    let version = talosctl.insecure(&["version"])?;
    ensure!(version.contains("v1.13.9"), "{version}");
    let wrong = talosctl
        .env
        .read("controlplane.yaml")
        .replace("    type: controlplane", "    typo: controlplane");
    talosctl.env.write("wrong.yaml", wrong);
    let refused = talosctl.insecure(&["apply-config", "-f", "wrong.yaml"]);
    let refused = refused
        .err()
        .context("an unknown key was taken")?
        .to_string();
    ensure!(
        refused.contains("unknown keys found during decoding"),
        "{refused}"
    );
    ensure!(
        refused.contains("machine:\n    typo: controlplane"),
        "{refused}"
    );
    talosctl.insecure(&["apply-config", "-f", "controlplane.yaml"])?;

    let services = talosctl.until("etcd waits", &["service"], |out| {
        out.lines()
            .any(|line| line.contains("etcd") && line.contains("Preparing"))
    })?;
    ensure!(services.contains("kubelet"), "{services}");
    talosctl.run(&["bootstrap"])?;
    talosctl.until("etcd has a member", &["etcd", "members"], |out| {
        out.contains("https://127.0.0.1:2380")
    })?;
    let again = talosctl.run(&["bootstrap"]);
    let again = again
        .err()
        .context("a second bootstrap was taken")?
        .to_string();
    ensure!(
        again.contains("etcd data directory is not empty"),
        "{again}"
    );

    talosctl.run(&["kubeconfig", "kubeconfig.yaml", "--merge=false"])?;
    let kubeconfig = talosctl.env.read("kubeconfig.yaml");
    ensure!(
        kubeconfig.contains("server: https://127.0.0.1:6443"),
        "{kubeconfig}"
    );

    talosctl.run(&["reboot", "--wait=false"])?;
    let end = Instant::now() + Duration::from_secs(30);
    while fleet.with(|fleet| fleet.machines()[0].reach()) != Reach::Silent {
        ensure!(Instant::now() < end, "it does not go down");
        std::thread::sleep(Duration::from_millis(20));
    }
    talosctl.until("it is back", &["etcd", "members"], |out| {
        out.contains("talos-1")
    })?;
    Ok(())
}

struct Talosctl {
    env: TestEnv,
    endpoint: String,
}

impl Talosctl {
    fn new(port: u16) -> Self {
        Self {
            env: TestEnv::new(),
            endpoint: format!("127.0.0.1:{port}"),
        }
    }

    fn generate(&self) {
        let patch = "machine:\n  install:\n    diskSelector: {serial: S4EVNX0R101}\n\
                     ---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: talos-1\nauto: \"off\"\n";
        self.env.write("patch.yaml", patch);
        let arguments = [
            "gen",
            "config",
            "test",
            "https://127.0.0.1:6443",
            "--kubernetes-version=1.36.4",
            "--config-patch=@patch.yaml",
        ];
        let talosctl = realparts::program("talosctl", "talosctl");
        self.env.program(talosctl, arguments).run().success();
    }

    /// Runs it against a machine in maintenance mode.
    fn insecure(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let target = ["--insecure", "--nodes", &self.endpoint];
        self.call(&[arguments, &target].concat())
    }

    /// Runs it against the configured machine.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let target = [
            "--talosconfig=talosconfig",
            "--endpoints",
            &self.endpoint,
            "--nodes=127.0.0.1",
        ];
        self.call(&[arguments, &target].concat())
    }

    fn call(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let talosctl = realparts::program("talosctl", "talosctl");
        let run = self.env.program(talosctl, arguments).run();
        if run.code != Some(0) {
            bail!("talosctl {arguments:?}: {}{}", run.stdout, run.stderr);
        }
        Ok(run.stdout)
    }

    /// Repeats a command until its output is as expected.
    fn until(
        &self,
        what: &str,
        arguments: &[&str],
        expected: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let last = match self.run(arguments) {
                Ok(output) if expected(&output) => return Ok(output),
                Ok(output) => output,
                Err(error) => error.to_string(),
            };
            ensure!(Instant::now() < end, "waited until {what}; last: {last}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
