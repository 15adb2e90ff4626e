//! What this machine lets a test do.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

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

/// Whether network, process and mount namespaces can be made here. A machine that lacks them is
/// named in the summary, also where the parts are required: building something would not help.
pub fn namespaces() -> Result<(), Lack> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        Command::new("unshare")
            .args([
                "--net", "--pid", "--mount", "--fork", "ip", "link", "show", "lo",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    found.then_some(()).ok_or_else(|| Lack {
        what: "this host gives no root or no namespaces".to_owned(),
        remedy: "run the tests as root of a Linux machine".to_owned(),
        required_by: None,
    })
}
