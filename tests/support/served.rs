//! A simulated world in a process of its own, which the built `homelab` meets over sockets.

use std::io::Read as _;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::TestEnv;
use super::env::{Invocation, Run};

/// How many times as fast as outside time passes in the world.
const SPEED: &str = "1200";

/// A served world; it ends with the value.
pub struct World {
    /// The repository whose machines are served, in `world/`.
    pub env: TestEnv,
    process: Child,
}

impl World {
    /// Serves the machines of a preset's cluster.
    pub fn serve(preset: &str) -> anyhow::Result<Self> {
        let env = TestEnv::new();
        env.homelab(["init", "--preset", preset, "--name", "demo"])
            .run()
            .success();
        Self::of(env)
    }

    /// Serves the machines of this repository's cluster.
    pub fn of(env: TestEnv) -> anyhow::Result<Self> {
        let process = env
            .homelab(["rehearse", "--serve", "world", "--speed", SPEED])
            .spawn();
        let world = Self { env, process };
        let end = Instant::now() + Duration::from_mins(1);
        while !world.env.has("world/connect-map.json") {
            ensure!(Instant::now() < end, "the world does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(world)
    }

    /// Ends it before its time and returns what it wrote.
    pub fn end(&mut self) -> String {
        // It may have ended by itself, which the test notices elsewhere.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let mut wrote = Vec::new();
        if let Some(mut stdout) = self.process.stdout.take() {
            let _ = stdout.read_to_end(&mut wrote);
        }
        if let Some(mut stderr) = self.process.stderr.take() {
            let _ = stderr.read_to_end(&mut wrote);
        }
        String::from_utf8_lossy(&wrote).into_owned()
    }

    /// A command that meets this world.
    pub fn command(&self, arguments: &[&str]) -> Invocation {
        let map = ["--connect-map", "world/connect-map.json"];
        self.env.homelab(arguments.iter().chain(&map))
    }

    /// Runs a command that meets this world.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).run()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end();
    }
}
