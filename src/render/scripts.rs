//! Shell scripts for people who look for them where other repositories have them: each only calls
//! `homelab`.

use crate::model::FileTree;
use crate::render::marker::SENTENCE;

/// One script: its path, what it is for, and the lines that do it.
struct Script {
    path: &'static str,
    purpose: &'static str,
    /// From the script's folder to the repository's root.
    root: &'static str,
    body: &'static str,
}

const SCRIPTS: [Script; 4] = [
    Script {
        path: "bootstrap/bootstrap.sh",
        purpose: "Brings the machines up to a cluster that reconciles itself from Git. Safe to run again.",
        root: "..",
        body: r#"exec "$homelab" -C "$root" bootstrap "$@""#,
    },
    Script {
        path: "bootstrap/talos/gen-config.sh",
        purpose: "Without arguments: renders the machine configurations. With a node's name: prints its full one.",
        root: "../..",
        body: r#"if [ $# -eq 0 ]; then
  exec "$homelab" -C "$root" render
fi
exec "$homelab" -C "$root" nodes config "$@""#,
    },
    Script {
        path: "scripts/sops/decrypt.sh",
        purpose: "Decrypts files: decrypt.sh FILE...",
        root: "../..",
        body: r#"exec "$homelab" -C "$root" secrets decrypt "$@""#,
    },
    Script {
        path: "scripts/sops/encrypt.sh",
        purpose: "Encrypts files for the recipients in .sops.yaml: encrypt.sh FILE...",
        root: "../..",
        body: r#"exec "$homelab" -C "$root" secrets encrypt "$@""#,
    },
];

/// Renders the scripts.
pub(super) fn render() -> FileTree {
    let mut tree = FileTree::default();
    for script in &SCRIPTS {
        tree.add_executable(script.path, text(script));
    }
    tree
}

fn text(script: &Script) -> String {
    let Script {
        purpose,
        root,
        body,
        ..
    } = script;
    format!(
        r#"#!/bin/sh
# {SENTENCE}
# {purpose}
set -eu
root=$(cd -- "$(dirname -- "$0")/{root}" && pwd)
homelab=${{HOMELAB:-homelab}}
if ! command -v "$homelab" >/dev/null; then
  echo "$0: homelab is not on the PATH; put it there, or its path into HOMELAB" >&2
  exit 127
fi
{body}
"#
    )
}
