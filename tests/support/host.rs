//! What this machine lets a test do.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use camino::Utf8PathBuf;

use super::case::Lack;

/// Whether a program is in `PATH`.
pub fn program(name: &str) -> Result<(), Lack> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    found.then_some(()).ok_or_else(|| Lack {
        what: format!("`{name}` is not installed"),
        remedy: format!("install `{name}`"),
        required_by: None,
    })
}

/// Whether this machine can run nodes: root, namespaces, overlays, as the lab itself finds out.
/// What it lacks is named in the summary also where the parts are required: building something
/// would not help.
pub fn namespaces() -> Result<(), Lack> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND.get_or_init(check_lab).clone().map_err(|why| Lack {
        what: why,
        remedy: "run the tests as root of a Linux machine".to_owned(),
        required_by: None,
    })
}

fn check_lab() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/realparts/talos-nodes/lab"
    );
    let checked = Command::new(script)
        .arg("check")
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("this host cannot run test nodes: {error}"))?;
    if checked.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&checked.stderr);
    Err(said.trim().trim_start_matches("lab: ").to_owned())
}

/// Whether an environment variable names a program.
pub fn given(variable: &'static str) -> Result<(), Lack> {
    let named =
        std::env::var_os(variable).is_some_and(|path| std::path::Path::new(&path).is_file());
    named.then_some(()).ok_or_else(|| Lack {
        what: format!("`{variable}` names no program"),
        remedy: "docs/talos.md says how to make it".to_owned(),
        required_by: None,
    })
}

/// Whether somebody asked for tests that take minutes.
pub fn patience(minutes: u8) -> Result<(), Lack> {
    let asked = std::env::var_os("HOMELAB_LONG_TESTS").is_some();
    asked.then_some(()).ok_or_else(|| Lack {
        what: format!("it takes {minutes} minutes"),
        remedy: "run `scripts/long-tests`".to_owned(),
        required_by: None,
    })
}

/// The files of a Go module in the module cache, by their path below it.
pub fn module(folder: &str) -> Result<Utf8PathBuf, Lack> {
    let from_environment = |variable| std::env::var(variable).ok().map(Utf8PathBuf::from);
    let cache = from_environment("GOMODCACHE")
        .or_else(|| from_environment("GOPATH").map(|path| path.join("pkg/mod")))
        .or_else(|| from_environment("HOME").map(|home| home.join("go/pkg/mod")));
    let found = cache
        .map(|cache| cache.join(folder))
        .filter(|path| path.is_dir());
    found.ok_or_else(|| Lack {
        what: format!("the module cache has no `{folder}`"),
        remedy: "run `scripts/realparts build tier0`".to_owned(),
        required_by: None,
    })
}
