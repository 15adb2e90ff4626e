//! GitHub workflows, named `homelab-*` beside people's own.

use serde_json::{Value, json};

use crate::model::FileTree;
use crate::render::marker::yaml_file;
use crate::spec::Cluster;
use crate::spec::cluster::GitOps;

/// A repository that holds the program's source builds it; others name an archive of it in the
/// repository variable `HOMELAB_ARCHIVE`.
const INSTALL: &str = r#"if [ -f Cargo.toml ] && [ -d catalog ]; then
  cargo install --quiet --locked --path . --root "$RUNNER_TEMP/homelab"
elif [ -n "$HOMELAB_ARCHIVE" ]; then
  mkdir -p "$RUNNER_TEMP/homelab/bin"
  curl -fsSL "$HOMELAB_ARCHIVE" | tar -xz -C "$RUNNER_TEMP/homelab/bin" homelab
else
  echo "set the repository variable HOMELAB_ARCHIVE to the URL of a release archive" >&2
  exit 1
fi
echo "$RUNNER_TEMP/homelab/bin" >> "$GITHUB_PATH"
"#;

const PUSH: &str = r#"homelab render
if [ -n "$(git status --porcelain)" ]; then
  git config user.name "github-actions[bot]"
  git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
  git add --all
  git commit --message "Render homelab.yaml"
  git push
fi
"#;

pub(super) fn render(cluster: &Cluster) -> FileTree {
    let GitOps::Flux(flux) = &cluster.gitops;
    let mut tree = FileTree::default();
    let mut add = |name: &str, workflow: &Value| {
        tree.add(
            format!(".github/workflows/{name}.yaml"),
            yaml_file([workflow]),
        );
    };
    add("homelab-check", &check(&flux.branch));
    add("homelab-render", &update());
    tree
}

/// The spec is valid, the files are what it renders, and the cluster comes up in a rehearsal.
fn check(branch: &str) -> Value {
    json!({
        "name": "homelab-check",
        "on": {"push": {"branches": [branch]}, "pull_request": null},
        "permissions": {"contents": "read"},
        "jobs": {"check": {
            "runs-on": "ubuntu-latest",
            "timeout-minutes": 30,
            "steps": [
                {"uses": "actions/checkout@v4"},
                install(),
                {"name": "Check homelab.yaml", "run": "homelab validate"},
                {"name": "Compare the files with what homelab.yaml renders", "run": "homelab render --check"},
                {"name": "Rehearse the bootstrap", "run": "homelab rehearse --check"},
            ],
        }},
    })
}

/// Renovate changes versions in homelab.yaml only; this adds what follows from them.
fn update() -> Value {
    json!({
        "name": "homelab-render",
        "on": {"push": {"branches": ["renovate/**"]}},
        "permissions": {"contents": "write"},
        "jobs": {"render": {
            "runs-on": "ubuntu-latest",
            "timeout-minutes": 30,
            "steps": [
                {"uses": "actions/checkout@v4"},
                install(),
                {"name": "Render and commit what changed", "run": PUSH},
            ],
        }},
    })
}

fn install() -> Value {
    json!({
        "name": "Install homelab",
        "env": {"HOMELAB_ARCHIVE": "${{ vars.HOMELAB_ARCHIVE }}"},
        "run": INSTALL,
    })
}
