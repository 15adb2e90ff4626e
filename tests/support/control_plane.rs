//! A private Kubernetes control plane of upstream's own programs: etcd, the API server, the
//! controller manager and the scheduler (`tests/realparts/README.md`).

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

/// A running control plane without nodes; it ends with the value.
pub struct ControlPlane {
    folder: TempDir,
    environment: BTreeMap<String, String>,
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

    fn start(options: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("homelab-kube-")
            .tempdir()
            .expect("a temporary directory can be made");
        let mut new = Self {
            folder,
            environment: BTreeMap::new(),
        };
        let output = new.script("up", options);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let shown = std::fs::read_to_string(new.path().join("env")).expect("up writes it");
        new.environment = shown
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        new
    }

    /// An administrator's kubeconfig.
    pub fn kubeconfig(&self) -> String {
        std::fs::read_to_string(&self.environment["KUBECONFIG"]).expect("up writes it")
    }

    /// The URL of its API.
    pub fn server(&self) -> &str {
        &self.environment["SERVER"]
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
        let own = Utf8PathBuf::from(&self.environment["KUBECONFIG"]);
        self.kubectl_with(&own, arguments)
            .unwrap_or_else(|said| panic!("kubectl {arguments:?}: {said}"))
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).expect("temporary paths are UTF-8")
    }

    fn script(&self, verb: &str, arguments: &[&str]) -> Output {
        let script = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/realparts/kube")
            .join(verb);
        Command::new(script)
            .arg(self.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("python3 runs")
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // What does not end stays for `kube/down` by hand; the test's own failure matters more.
        let _ = self.script("down", &[]);
    }
}
