//! The shell script that the chart runner executes.

use std::fmt::Write as _;

use crate::catalog::ChartSource;
use crate::render::ChartRelease;

/// Where the script and the values are mounted.
pub(super) const DIRECTORY: &str = "/charts";
/// The script's name.
pub(super) const FILE: &str = "install.sh";

const HEAD: &str = r#"#!/bin/sh
# Installs the charts that come before Git. Safe to run again.
set -eu

# Frees a release that a killed run left pending; Helm would refuse to touch it.
unlock() {
  if [ -z "$(helm list --pending --short --namespace "$2" --filter "^$1\$")" ]; then
    return
  fi
  helm rollback "$1" --namespace "$2" --no-hooks || helm uninstall "$1" --namespace "$2" --no-hooks
}
"#;

/// Returns the name of a release's values file.
pub(super) fn values_file(release: &ChartRelease) -> String {
    format!("{}.yaml", release.component)
}

/// Returns the script. Client-side apply, so that the three-way merge which Flux continues knows every
/// field and can remove it again. Hooks are left to Flux, whose first upgrade runs them: here they would run
/// twice. No waiting here: whoever started the Job waits, and says for what.
pub(super) fn text(releases: &[ChartRelease]) -> String {
    let mut text = HEAD.to_owned();
    for release in releases {
        let name = quote(&release.release);
        let namespace = quote(&release.namespace);
        let chart = match &release.source {
            ChartSource::Oci(url) => quote(url),
            ChartSource::Helm(url) => format!("{} --repo {}", quote(&release.chart), quote(url)),
        };
        let version = quote(&release.version);
        let values = quote(&format!("{DIRECTORY}/{}", values_file(release)));
        write!(
            text,
            "\nunlock {name} {namespace}\n\
             helm upgrade --install {name} {chart} --version {version} \\\n  \
             --namespace {namespace} --values {values} --server-side=false --no-hooks\n"
        )
        .expect("writing to a string does not fail");
    }
    text
}

/// Quotes a word for the shell where it needs it.
fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
