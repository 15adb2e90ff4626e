//! A private Kubernetes control plane of upstream's own programs: etcd, the API server, the
//! controller manager and the scheduler (`tests/realparts/README.md`).
//!
//! A keeper outside this process holds the programs and stops them when its standard input ends: with
//! the value, and however this process ends.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

/// A running control plane without nodes; it ends with the value.
pub struct ControlPlane {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    keeper: Child,
    /// Where programs are asked for, and where the keeper answers.
    asked: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl ControlPlane {
    /// Starts one; it answers when this returns.
    pub fn up() -> Self {
        Self::start(&["--plain"])
    }

    /// Starts one with the authority and the key of service accounts in a folder.
    pub fn with_pki(folder: &Utf8Path) -> Self {
        Self::start(&["--plain", "--pki", folder.as_str()])
    }

    /// Starts one that answers to more names (`IP:10.0.0.1`), with a Git server, a registry, a
    /// folder of charts, and kwok, which plays nodes as soon as they carry the label `type=kwok`.
    pub fn with_surroundings(pki: &Utf8Path, names: &[String]) -> Self {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = ["--nodes", "0", "--pki", pki.as_str(), "--names"];
        Self::start(&[&options[..], &names].concat())
    }

    fn start(options: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("homelab-kube-")
            .tempdir()
            .expect("a temporary directory can be made");
        let path = Utf8Path::from_path(folder.path()).expect("temporary paths are UTF-8");
        let errors = std::fs::File::create(path.join("keeper.log")).expect("it is empty");
        let mut keeper = Command::new(script("up"))
            .args([path.join("set").as_str(), "--stay"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .process_group(0)
            .spawn()
            .expect("python3 runs");
        let asked = keeper.stdin.take().expect("it was asked for");
        let mut answers = BufReader::new(keeper.stdout.take().expect("it was asked for"));
        let mut ready = String::new();
        answers.read_line(&mut ready).expect("text");
        let mut new = Self {
            folder,
            environment: BTreeMap::new(),
            keeper,
            asked: Mutex::new(Some((asked, answers))),
        };
        assert!(!ready.is_empty(), "{}", new.read("keeper.log"));
        new.environment = new
            .read("set/env")
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        new
    }

    /// Starts one more program of `programs.ini`, with these flags in place of its own where there
    /// are any; it works when this returns.
    pub fn serve(&self, program: &str, flags: &[String]) -> anyhow::Result<()> {
        let quoted = flags.iter().map(|flag| format!(" '{flag}'"));
        let line = format!("{program}{}\n", quoted.collect::<String>());
        let mut asked = self.asked.lock().expect("nobody panics while asking");
        let (ask, answers) = asked.as_mut().expect("it runs");
        ask.write_all(line.as_bytes())?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        anyhow::ensure!(answer.trim() == format!("{program}: started"), "{answer}");
        Ok(())
    }

    /// An administrator's kubeconfig.
    pub fn kubeconfig(&self) -> String {
        std::fs::read_to_string(&self.environment["KUBECONFIG"]).expect("up writes it")
    }

    /// The URL of its API.
    pub fn server(&self) -> &str {
        &self.environment["SERVER"]
    }

    /// What `kube/up` says of its surroundings.
    pub fn fact(&self, name: &str) -> &str {
        &self.environment[name]
    }

    /// A folder or file of the set.
    pub fn file(&self, name: &str) -> Utf8PathBuf {
        self.path().join("set").join(name)
    }

    /// Upstream's kubectl with a file of somebody's: its standard output, or what it says instead.
    pub fn kubectl_with(
        &self,
        kubeconfig: &Utf8Path,
        arguments: &[&str],
    ) -> Result<String, String> {
        let output = Command::new(&self.environment["KUBECTL"])
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .output()
            .expect("kubectl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// Upstream's kubectl with these arguments; its standard output.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments)
            .unwrap_or_else(|said| panic!("kubectl {arguments:?}: {said}"))
    }

    /// The same: what it prints, or says instead.
    pub fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let own = Utf8PathBuf::from(&self.environment["KUBECONFIG"]);
        self.kubectl_with(&own, arguments)
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("temporary paths are UTF-8")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }
}

fn script(name: &str) -> Utf8PathBuf {
    Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/realparts/kube")
        .join(name)
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Ok(asked) = self.asked.get_mut() {
            *asked = None;
        }
        // What does not end stays for `kube/down` by hand; the test's own failure matters more.
        let _ = self.keeper.wait();
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            #[expect(clippy::print_stderr, reason = "a failed test says where to look")]
            {
                eprintln!("the logs of the programs are in {}", self.path());
            }
        }
    }
}
